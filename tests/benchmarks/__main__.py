if __name__ == "__main__":
    from tests.benchmarks.command import main

    main()

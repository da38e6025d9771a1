import numpy as np
import pytest

from minipose.data import DataLoader, Dataset, LoaderError, StickFigures
from tests.data.loading import Noise, growing, jitter, odd, same


def indices(loader):
    return [batch.indices.tolist() for batch in loader]


def test_batches_in_the_order_of_the_data_set():
    loader = DataLoader(Noise(23), 5)
    assert len(loader) == 5
    assert indices(loader) == [list(range(start, min(start + 5, 23))) for start in range(0, 23, 5)]
    assert len(DataLoader(Noise(23), 5, drop_last=True)) == 4
    assert [len(batch) for batch in indices(DataLoader(Noise(23), 5, drop_last=True))] == [5] * 4
    assert len(DataLoader(Noise(20), 5)) == len(DataLoader(Noise(20), 5, drop_last=True)) == 4
    assert indices(DataLoader(Noise(3))) == [[0], [1], [2]]


def test_shuffled_batches_hold_every_sample_once():
    batches = indices(DataLoader(Noise(23), 5, shuffle=True))
    assert [len(batch) for batch in batches] == [5, 5, 5, 5, 3]
    assert sorted(sum(batches, [])) == list(range(23))


def test_the_order_depends_on_seed_and_epoch_alone():
    orders = {}
    for seed in range(3):
        loader = DataLoader(Noise(50), 10, shuffle=True, seed=seed)
        for epoch in range(3):
            assert loader.epoch == epoch
            orders[seed, epoch] = sum(indices(loader), [])
    assert len({tuple(order) for order in [*orders.values(), list(range(50))]}) == 10
    loader = DataLoader(Noise(50), 7, shuffle=True, seed=1)
    loader.set_epoch(2)
    assert sum(indices(loader), []) == orders[1, 2] and loader.epoch == 3
    loader.set_epoch(0)
    assert sum(indices(loader), []) == orders[1, 0]


def test_a_run_goes_on_in_the_middle_of_an_epoch_without_loading_what_is_before():
    whole = DataLoader(Noise(23), 5, shuffle=True, transform=jitter)
    whole.set_epoch(4)
    expected = list(whole)
    rest = DataLoader(Noise(23), 5, shuffle=True, transform=jitter)
    rest.set_epoch(4)
    for batch, other in zip(rest.batches(start=3), expected[3:], strict=True):
        same(batch, other)
    assert rest.epoch == 5 and rest.dataset.loaded == sum((b.indices.tolist() for b in expected[3:]), [])
    assert list(rest.batches(start=5)) == []


def test_transforms_random_numbers_depend_on_seed_epoch_and_sample_alone():
    def noise(seed, epoch, batch_size, shuffle):
        loader = DataLoader(Noise(8), batch_size, shuffle, seed, transform=jitter)
        loader.set_epoch(epoch)
        return {int(i): image.tobytes() for b in loader for i, image in zip(b.indices, b.images, strict=True)}

    assert noise(0, 0, 3, False) == noise(0, 0, 8, True)
    assert len({noise(seed, epoch, 8, True)[5] for seed in (0, 1) for epoch in (0, 1)}) == 4


def test_transforms_first_numbers_are_not_those_of_the_order():
    """To NumPy, a seed with 0 at its end is the seed without it: sample 0 would get the numbers of the order."""
    seen = []
    list(DataLoader(Noise(1), seed=5, transform=lambda sample, generator: seen.append(generator.random()) or sample))
    assert seen[0] != np.random.default_rng([5, 0]).random()


def test_whole_batches_are_drawn_where_nothing_is_done_to_single_samples(monkeypatch):
    figures = StickFigures("circles", count=9, size=32)
    expected = figures.batch([4, 5, 6, 7])
    monkeypatch.setattr(StickFigures, "__getitem__", lambda self, index: 1 / 0)
    same(list(DataLoader(figures, 4))[1], expected)


def test_another_collate():
    first, second = DataLoader(Noise(4), 2, collate=growing)
    assert [a.tolist() for a in first + second] == [[], [1], [2] * 8, [3] * 27]


def test_a_sample_that_cannot_be_loaded_is_named():
    for options in ({}, {"transform": jitter}, {"collate": growing}):
        with pytest.raises(LoaderError, match="DataLoader: sample 7 could not be loaded: .*no such picture") as info:
            list(DataLoader(Noise(fails_at=[7]), 5, **options))
        assert isinstance(info.value.__cause__, FileNotFoundError)
    with pytest.raises(LoaderError, match="sample 5 could not be loaded: Odd: 1 and 2"):
        list(DataLoader(Noise(), 5, transform=odd))


class Sizes(Noise):
    def __getitem__(self, index):
        self.size = index + 1
        return super().__getitem__(index)


def test_samples_that_do_not_go_together_are_named():
    with pytest.raises(LoaderError, match=r"samples \[2, 3\] could not be put together: ValueError: collate: "):
        list(DataLoader(Sizes(), 2).batches(start=1))


class Empty(Dataset):
    def __len__(self):
        return 0


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"dataset": [1, 2]}, TypeError, "dataset must be a minipose.data.Dataset, not list"),
        ({"dataset": Empty()}, ValueError, "the data set has no samples"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1, not 0"),
        ({"batch_size": 24, "drop_last": True}, ValueError, "23 samples do not fill one batch of 24; choose a smaller"),
        ({"seed": -1}, ValueError, "seed must be at least 0, not -1"),
        ({"workers": 1.5}, TypeError, "workers must be an integer, not 1.5"),
        ({"prefetch": 0}, ValueError, "prefetch must be at least 1, not 0"),
        ({"shuffle": 1}, TypeError, "shuffle must be True or False"),
        ({"transform": 3}, TypeError, "transform must be a function, not 3"),
        ({"collate": None}, TypeError, "collate must be a function, not None"),
    ],
)
def test_wrong_arguments(options, error, message):
    with pytest.raises(error, match=f"DataLoader: {message}"):
        DataLoader(**{"dataset": Noise(), **options})


def test_wrong_epochs_and_starts():
    loader = DataLoader(Noise(), 5)
    with pytest.raises(ValueError, match="epoch must be at least 0, not -1"):
        loader.set_epoch(-1)
    for start, message in ((-1, "at least 0"), (6, "start must be at most 5, the number of batches, not 6")):
        with pytest.raises(ValueError, match=message):
            loader.batches(start)
    assert loader.epoch == 0


def test_samples_that_are_drawn_together_are_transformed_as_those_drawn_alone():
    class Alone(Dataset):
        def __len__(self):
            return len(figures)

        def __getitem__(self, index):
            return figures[index]

    figures = StickFigures("crowd", cue="face", back_p=0.5, size=32, count=13)
    together, alone = (DataLoader(d, 5, shuffle=True, transform=jitter) for d in (figures, Alone()))
    for batch, other in zip(together, alone, strict=True):
        same(batch, other)


def test_of_samples_drawn_together_the_wrong_one_is_named():
    figures = StickFigures(size=32, count=8)
    drawn = figures.batch

    def batch(indices):
        if 5 in list(indices):
            raise RuntimeError("no ink")
        return drawn(indices)

    figures.batch = batch
    with pytest.raises(LoaderError, match="sample 5 could not be loaded: RuntimeError: no ink"):
        list(DataLoader(figures, 4, transform=jitter))

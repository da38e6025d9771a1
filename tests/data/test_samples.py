import numpy as np
import pytest

from minipose.data import Dataset, Sample, collate


def sample(index, size=7, joints=3):
    generator = np.random.default_rng(index)
    image = generator.integers(0, 256, (size, size, 3), dtype=np.uint8)
    points, visible = generator.random((joints, 2), np.float32), np.full(joints, 2, np.uint8)
    return Sample(image, points, visible, "s", index, f"{index}.png")


def test_a_sample_is_its_own_only_person_in_its_own_pixels():
    s = sample(5)
    assert s.people.shape == (1, 3, 2) and np.array_equal(s.people[0], s.points)
    assert np.array_equal(s.people_visible, s.visible[None])
    assert np.array_equal(s.matrix, [[1, 0, 0], [0, 1, 0]])


def test_collate_keeps_order_and_everything():
    samples = [sample(4), sample(2), sample(9)]
    batch = collate(samples)
    assert len(batch) == 3 and batch.indices.tolist() == [4, 2, 9] and batch.names == ("4.png", "2.png", "9.png")
    for i, s in enumerate(samples):
        assert np.array_equal(batch.images[i], s.image) and np.array_equal(batch.points[i], s.points)
        assert np.array_equal(batch.people[i], s.people) and np.array_equal(batch.matrices[i], s.matrix)


@pytest.mark.parametrize("other", [sample(8, size=5), sample(8, joints=2)])
def test_collate_names_the_sample_that_does_not_fit(other):
    with pytest.raises(ValueError, match="collate: sample 8 has .* but sample 1 has"):
        collate([sample(1), other])
    with pytest.raises(ValueError, match="no sample"):
        collate([])


def test_a_dataset_needs_only_two_methods():
    class Three(Dataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            return sample(index)

    assert [s.index for s in Three()] == [0, 1, 2]
    assert Three().batch(np.array([2, 0])).indices.tolist() == [2, 0]
    with pytest.raises(NotImplementedError, match="__len__"):
        len(Dataset())
    with pytest.raises(NotImplementedError, match="__getitem__"):
        Dataset()[0]

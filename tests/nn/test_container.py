import pytest

from minipose import nn
from tests.nn.twins import check_twins


def build(nn):
    tail = nn.Sequential(nn.ReLU(), nn.Conv2d(5, 2, 1))
    return nn.Sequential(nn.Conv2d(3, 5, 3, bias=False), nn.BatchNorm2d(5), tail)


def test_sequential_matches_torch(rng, torch):
    check_twins(torch, build(nn), build(torch.nn), (2, 3, 7, 5), rng, "float64")


def test_sequential_is_a_list_too():
    network = build(nn)
    assert len(network) == 3 and list(network) == [network[0], network[1], network[2]] and network[-1] is network[2]
    assert [name for name, _ in network.named_children()] == ["0", "1", "2"]
    tail = network[1:]
    assert type(tail) is nn.Sequential and list(tail) == [network[1], network[2]]
    with pytest.raises(IndexError):
        network[3]


def test_append_continues_the_numbers():
    network = build(nn)
    last = nn.ReLU()
    assert network.append(last) is network and network[3] is last
    assert [name for name, _ in network.named_children()] == ["0", "1", "2", "3"]


def test_module_list(torch):
    def lists(nn):
        return nn.ModuleList([nn.Linear(3, 2), nn.Sigmoid()])

    ours = lists(nn)
    assert repr(ours) == repr(lists(torch.nn)) and list(ours.state_dict()) == list(lists(torch.nn).state_dict())
    assert type(ours[:1]) is nn.ModuleList and list(ours[:1]) == [ours[0]]
    assert len(nn.ModuleList()) == 0
    with pytest.raises(NotImplementedError, match="^ModuleList: forward is not written"):
        ours(1)


@pytest.mark.parametrize("build", [
    lambda: nn.Sequential(nn.ReLU(), 3),
    lambda: nn.Sequential([nn.ReLU()]),
    lambda: nn.ModuleList([None]),
])  # fmt: skip
def test_only_modules_are_taken(build):
    with pytest.raises(TypeError, match="expected a Module, not (int|list|NoneType)"):
        build()

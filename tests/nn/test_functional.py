from minipose import ops
from minipose.nn import functional


def test_functions_are_the_operations_and_torch_has_them_too(torch):
    assert len(functional.__all__) == len(set(functional.__all__))
    for name in functional.__all__:
        assert getattr(functional, name) is getattr(ops, name)
        assert hasattr(torch.nn.functional, name) or hasattr(torch, name)

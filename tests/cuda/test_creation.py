"""Tensors made on the device: the same values as on the host, and made there where no random number is drawn."""

import numpy as np
import pytest

import minipose

X = np.array([[0.25, 0.75, 1.0], [0.0, 0.5, 0.125]])
MADE_THERE = {
    "zeros": lambda x, **o: minipose.zeros(2, 3, **o),
    "ones": lambda x, **o: minipose.ones(2, 3, **o),
    "full": lambda x, **o: minipose.full((2, 3), 2.5, **o),
    "zeros_like": lambda x, **o: minipose.zeros_like(x),
    "ones_like": lambda x, **o: minipose.ones_like(x, dtype="float32"),
    "full_like": lambda x, **o: minipose.full_like(x, 2.5),
}
SENT_THERE = {
    "tensor": lambda x, **o: minipose.tensor([1.0, 2.0], **o),
    "arange": lambda x, **o: minipose.arange(5, **o),
    "linspace": lambda x, **o: minipose.linspace(0, 1, 5, **o),
    "eye": lambda x, **o: minipose.eye(2, 3, **o),
    "rand": lambda x, **o: minipose.rand(2, 3, **o),
    "randn": lambda x, **o: minipose.randn(2, 3, **o),
    "rand_like": lambda x, **o: minipose.rand_like(x),
    "randn_like": lambda x, **o: minipose.randn_like(x),
    "randint": lambda x, **o: minipose.randint(5, (2, 3), **o),
    "randperm": lambda x, **o: minipose.randperm(5, **o),
    "normal": lambda x, **o: minipose.normal(1.0, 2.0, (2, 3), **o),
    "normal_of_one_tensor": lambda x, **o: minipose.normal(x),
    "bernoulli_p": lambda x, **o: minipose.bernoulli(x, 0.5),
}
LOOKED_AT = {  # the values of probabilities and deviations are checked, so these wait for the device
    "bernoulli": lambda x, **o: minipose.bernoulli(x),
    "normal_of_tensors": lambda x, **o: minipose.normal(x, x),
}


def assert_same(make, device_module, no_waiting=None):
    minipose.manual_seed(5)
    expected = make(minipose.tensor(X), device="cpu")
    there = minipose.tensor(X, device="cuda")
    minipose.manual_seed(5)
    if no_waiting is None:
        actual = make(there, device="cuda")
    else:
        with no_waiting():
            actual = make(there, device="cuda")
    assert isinstance(actual.data, device_module.ndarray) and actual.device == "cuda"
    assert actual.dtype == expected.dtype
    np.testing.assert_allclose(actual.data.get(), expected.data, rtol=1e-15)


@pytest.mark.parametrize("make", {**MADE_THERE, **SENT_THERE}.values(), ids={**MADE_THERE, **SENT_THERE})
def test_the_host_does_not_wait(make, device_module, no_waiting):
    assert_same(make, device_module, no_waiting)


@pytest.mark.parametrize("make", LOOKED_AT.values(), ids=LOOKED_AT)
def test_what_is_checked_on_the_device(make, device_module):
    assert_same(make, device_module)


def test_to_the_other_device(device_module):
    there = minipose.tensor(X, device="cuda")
    assert minipose.zeros_like(there, device="cpu").device == "cpu"
    assert minipose.rand_like(there, device="cpu").device == "cpu"
    assert minipose.ones_like(minipose.tensor(X), device="cuda").device == "cuda"


def test_tensors_on_two_devices(device_module):
    here, there = minipose.tensor(X), minipose.tensor(X, device="cuda")
    with pytest.raises(ValueError, match="normal: .*'cpu' and on 'cuda'"):
        minipose.normal(here, there)
    with pytest.raises(ValueError, match="einsum: operand 1 is on 'cuda' but operand 0 on 'cpu'"):
        minipose.einsum("ij,ij", here, there)
    with pytest.raises(ValueError, match="outer: .*'cpu'.*'cuda'"):
        minipose.outer(here[0], there[0])


def test_nothing_is_copied_to_the_device(device_module):
    events = getattr(device_module, "events", None)
    if events is None:
        pytest.skip("the real device does not say")
    there = minipose.tensor(X, device="cuda")
    for make in MADE_THERE.values():
        events.clear()
        make(there, device="cuda")
        assert events == []

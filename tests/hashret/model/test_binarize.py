import torch

from hashret.model.binarize import sign


def test_forward_is_the_sign_and_zero_counts_as_minus_one():
    assert sign(torch.tensor([-0.1, 0.0, 2.0])).tolist() == [-1.0, -1.0, 1.0]


def test_gradient_passes_straight_through():
    logits = torch.tensor([-0.5, 0.0, 3.0], requires_grad=True)
    (sign(logits) * torch.tensor([1.0, 2.0, -4.0])).sum().backward()
    assert logits.grad.tolist() == [1.0, 2.0, -4.0]

"""Gradients of networks by hand against autograd, in 64 bits."""

from itertools import pairwise

import pytest
import torch
from rollout_worlds import SPREAD
from torch import nn

from marl_comm.learners.mappo.networks import Actor
from marl_comm.learners.mappo.perceptron import StackedPerceptron


def plain_perceptron(parameters, sizes, activation, inputs):
    """One network as torch writes it: inputs (samples, n), outputs (samples, m)."""
    start = 0
    for layer, (n, m) in enumerate(pairwise(sizes)):
        weights = parameters[start : start + n * m].view(n, m)
        inputs = nn.functional.linear(inputs, weights.T, parameters[start + n * m :][:m])
        start += (n + 1) * m
        if layer < len(sizes) - 2:
            inputs = getattr(torch, activation)(inputs)
    assert start == len(parameters)
    return inputs


def numbers(seed=0):
    """A function that draws standard normal numbers of a shape."""
    generator = torch.Generator().manual_seed(seed)
    return lambda *shape: torch.randn(shape, dtype=torch.float64, generator=generator)


@pytest.mark.parametrize("sizes", [[3, 2], [4, 7, 1], [3, 8, 6, 5]])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_gradients_summed_over_blocks_are_those_of_autograd(sizes, activation):
    batch, samples, normal = 3, 40, numbers()
    network = StackedPerceptron(sizes, activation, 1.0)
    parameters = normal(batch, network.size)
    inputs, by_outputs = normal(batch, samples, sizes[0]), normal(batch, sizes[-1], samples)
    gradient = network.gradient(parameters)
    kept = inputs.clone()
    for part in (slice(0, 25), slice(25, 40)):
        outputs = gradient.forward(inputs[:, part])
        for entry in range(batch):
            expected = plain_perceptron(parameters[entry], sizes, activation, inputs[entry, part])
            torch.testing.assert_close(outputs[entry].T, expected)
        gradient.backward(by_outputs[:, :, part])
    found = gradient.total()
    assert torch.equal(inputs, kept)
    for entry in range(batch):
        mine = parameters[entry].clone().requires_grad_()
        outputs = plain_perceptron(mine, sizes, activation, inputs[entry])
        (expected,) = torch.autograd.grad((outputs.T * by_outputs[entry]).sum(), mine)
        assert (expected.abs() > 1e-3).float().mean() > 0.5
        torch.testing.assert_close(found[entry], expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "separate"])
def test_agents_gradients_are_those_of_autograd(shared):
    rows, agents, samples, outputs, normal = 2, 3, 20, 5, numbers()
    actor = Actor(SPREAD, outputs, [6], "relu", shared=shared)
    parameters = normal(rows, actor.size)
    inputs = actor.inputs(normal(rows, agents, samples, 4).float()).double()
    by_outputs = normal(rows, outputs, agents, samples)
    gradient = actor.gradient(parameters)
    found = gradient.forward(inputs)
    gradient.backward(by_outputs)
    for row in range(rows):
        mine = parameters[row].clone().requires_grad_()
        total = 0.0
        for agent in range(agents):
            own = mine if shared else mine.view(agents, -1)[agent]
            expected = plain_perceptron(
                own, [inputs.shape[-1], 6, outputs], "relu", inputs[row, agent]
            )
            torch.testing.assert_close(found[row, :, agent].T, expected.detach())
            total = total + (expected.T * by_outputs[row, :, agent]).sum()
        (expected,) = torch.autograd.grad(total, mine)
        torch.testing.assert_close(gradient.total()[row], expected, rtol=1e-10, atol=1e-10)

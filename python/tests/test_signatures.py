"""The order of the optimizers' arguments, which scripts written for torch rely on."""

import inspect

import pytest

from .cases import RULES, class_of

TORCH_SIGNATURES = {
    "sgd": ["params", "lr", "momentum", "dampening", "weight_decay", "nesterov"],
    "adam": ["params", "lr", "betas", "eps", "weight_decay", "amsgrad"],
    "adamw": ["params", "lr", "betas", "eps", "weight_decay", "amsgrad"],
    "rmsprop": ["params", "lr", "alpha", "eps", "weight_decay", "momentum", "centered"],
    "adagrad": ["params", "lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps"],
    "lion": ["params", "lr", "betas", "weight_decay"],
    "nadam": [
        "params",
        "lr",
        "betas",
        "eps",
        "weight_decay",
        "momentum_decay",
        "decoupled_weight_decay",
    ],
    "radam": ["params", "lr", "betas", "eps", "weight_decay", "decoupled_weight_decay"],
    "adamax": ["params", "lr", "betas", "eps", "weight_decay"],
    "adadelta": ["params", "lr", "rho", "eps", "weight_decay"],
    "rprop": ["params", "lr", "etas", "step_sizes", "weight_decay"],
    "adabelief": ["params", "lr", "betas", "eps", "weight_decay"],
    "ademamix": ["params", "lr", "betas", "alpha", "eps", "weight_decay"],
    "adan": ["params", "lr", "betas", "eps", "weight_decay", "no_prox"],
    "lamb": ["params", "lr", "betas", "eps", "weight_decay"],
    "lars": ["params", "lr", "momentum", "weight_decay", "nesterov"],
    "schedulefreesgd": ["params", "lr", "momentum", "weight_decay"],
    "schedulefreeadamw": ["params", "lr", "betas", "eps", "weight_decay"],
    "adafactor": ["params", "lr", "beta2_decay", "eps", "d", "weight_decay"],
    "muon": ["params", "lr", "weight_decay", "momentum", "nesterov"],
}
"""The positional arguments of torch.optim 2.13, in order; beyond it of the authors' code or, where
that has others that are not here, in torch's order."""


@pytest.mark.parametrize("name", RULES)
def test_positional_arguments_are_those_of_torch(name):
    parameters = inspect.signature(class_of(name)).parameters.values()
    positional = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert positional == TORCH_SIGNATURES[name]

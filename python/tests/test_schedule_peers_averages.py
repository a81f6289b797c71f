"""Agreement of the decays of averages with torch and timm."""

import functools

import swiftopt as so

from .peer_schedules import assert_agree, peer, timm


def test_torch_averages_equally():
    average = peer("torch.optim.swa_utils").get_swa_avg_fn()
    tensor = functools.partial(peer("torch").tensor, dtype=peer("torch").float64)
    # From a mean of 1 and new weights of 0 the decay is left.
    decays = [average(tensor(1.0), tensor(0.0), tensor(float(k))).item() for k in range(100)]
    assert_agree(so.swa(0), decays, roundings=3)


def test_timm_warms_the_decay_of_averages_up():
    model = peer("torch").nn.Linear(1, 1)
    for arguments in ({}, {"warmup_gamma": 25.0, "warmup_power": 0.75}):
        peer_average = timm("timm.utils.model_ema").ModelEmaV3(
            model, decay=0.99, use_warmup=True, **arguments
        )
        # timm counts the first update as step 1.
        theirs = [peer_average.get_decay(n + 1) for n in range(5000)]
        ours = so.ema_warmup(
            0.99, arguments.get("warmup_gamma", 1.0), arguments.get("warmup_power", 2 / 3)
        )
        assert_agree(ours, theirs, roundings=6)

"""A character-level recurrent network in NumPy, trained with AdaGrad.

It reads a short text in windows of 25 characters, learns to predict the next one, and
writes some text of its own. Everything is float64.
"""

from itertools import pairwise

import numpy as np
import swiftopt

TEXT = """
The tide comes in, the tide goes out, and takes the sand from round about.
The wind comes up, the wind goes down, and blows the smoke across the town.
The sun comes up, the sun goes by, and leaves a lantern in the sky.
The moon comes late, the moon goes soon, and no one ever caught the moon.
"""
HIDDEN_SIZE = 64
WINDOW = 25
UPDATES = 1500
RATE = 0.02


def initial_parameters(vocabulary_size, rng):
    """From a character to the hidden state, from state to state, and from state to logits."""
    return [
        0.01 * rng.standard_normal((HIDDEN_SIZE, vocabulary_size)),
        0.01 * rng.standard_normal((HIDDEN_SIZE, HIDDEN_SIZE)),
        np.zeros(HIDDEN_SIZE),
        0.01 * rng.standard_normal((vocabulary_size, HIDDEN_SIZE)),
        np.zeros(vocabulary_size),
    ]


def next_state(params, character, state):
    from_input, from_state, bias = params[:3]
    return np.tanh(from_input[:, character] + from_state @ state + bias)


def next_probabilities(params, state):
    to_output, output_bias = params[3:]
    logits = to_output @ state + output_bias
    exponentials = np.exp(logits - logits.max())
    return exponentials / exponentials.sum()


def loss_and_gradients(params, characters, state):
    """The mean loss per character, the gradients, and the state after the window."""
    states, distributions, loss = [state], [], 0.0
    for character, target in pairwise(characters):
        states.append(next_state(params, character, states[-1]))
        distributions.append(next_probabilities(params, states[-1]))
        loss -= np.log(distributions[-1][target])

    grads = [np.zeros_like(param) for param in params]
    d_from_input, d_from_state, d_bias, d_to_output, d_output_bias = grads
    d_state_later = np.zeros_like(state)
    for t in reversed(range(len(distributions))):
        d_logits = distributions[t]
        d_logits[characters[t + 1]] -= 1
        d_to_output += np.outer(d_logits, states[t + 1])
        d_output_bias += d_logits
        d_state = params[3].T @ d_logits + d_state_later
        d_before_tanh = (1 - states[t + 1] ** 2) * d_state
        d_from_input[:, characters[t]] += d_before_tanh
        d_from_state += np.outer(d_before_tanh, states[t])
        d_bias += d_before_tanh
        d_state_later = params[1].T @ d_before_tanh
    return loss / len(distributions), grads, states[-1]


def written_text(params, vocabulary, length, rng):
    """Text that the network writes, one character drawn after the other."""
    state, character, text = np.zeros(HIDDEN_SIZE), 0, []
    for _ in range(length):
        state = next_state(params, character, state)
        character = rng.choice(len(vocabulary), p=next_probabilities(params, state))
        text.append(vocabulary[character])
    return "".join(text)


def main():
    """Trains the network and returns the loss of every update."""
    vocabulary = sorted(set(TEXT))
    characters = [vocabulary.index(character) for character in TEXT]
    rng = np.random.default_rng(1)
    params = initial_parameters(len(vocabulary), rng)
    optimizer = swiftopt.Adagrad(params, RATE, eps=0, initial_accumulator_value=1e-8, clip_value=5)
    losses, start, state = [], 0, np.zeros(HIDDEN_SIZE)
    for update in range(1, UPDATES + 1):
        if start + WINDOW >= len(characters):
            start, state = 0, np.zeros(HIDDEN_SIZE)
        window = characters[start : start + WINDOW + 1]
        loss, grads, state = loss_and_gradients(params, window, state)
        optimizer.step(grads)
        losses.append(loss)
        start += WINDOW
        if update % 100 == 0:
            print(f"update {update:4}  loss {np.mean(losses[-100:]):.6f}")
    print(f"sum of the parameters' magnitudes {sum(abs(p).sum() for p in params):.6f}")
    print(written_text(params, vocabulary, 200, rng))
    return losses


if __name__ == "__main__":
    main()

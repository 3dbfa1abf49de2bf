"""The chain of Gram matrices of a deep linear network with batch normalisation at random initialisation.

G_t is the Gram matrix of layer t, D_t the mean of G_{t+1} given G_t, ell_t the smallest eigenvalue of G_t.  `drift` is
one step of the chain as an inequality that holds surely; the other modules average it, with or without stopping.
"""

from sympy import Function, Ge, Le, S, sqrt

from gdverify import Assumption, Mean, sq
from theorems.networks.bn_contraction import (
    equal,
    lam,
    n,
    partial,
    partial_sums,
    rate,
    spectrum,
    trace_one,
)
from theorems.networks.bn_noise import (
    D,
    gram,
    lambda_min,
    layer,
    least_form,
    mean_bound,
    mean_layer,
    noise_bound,
    sigma,
    traces,
)  # fmt: skip

ell, energy, V = (Function(name) for name in ("ell", "Q", "V"))
lack = lambda t: 1 / n - ell(t)

smallest = Assumption(
    "ell is the smallest eigenvalue",
    lambda a, t: [Ge(lam(t, a), ell(t), evaluate=False), Ge(ell(t), 0, evaluate=False)],
)
next_layer = Assumption("the chain of Gram matrices", lambda t: equal(ell(t + 1), lambda_min(gram(t))))
chain = [*spectrum, smallest, next_layer, *layer, traces, mean_layer, least_form]

orthogonality_gap = Assumption(
    "V is the Frobenius distance of G from I/n",
    lambda a, t: [
        Ge(V(t), 0, evaluate=False),
        equal(V(t) ** 2, energy(t, n)),
        equal(energy(t, 0), 0),
        equal(energy(t, a + 1), energy(t, a) + (lam(t, a + 1) - 1 / n) ** 2),
    ],
)


def at_most_mean(proof, t):
    """Fact: ell_t <= 1/n."""
    b = proof.index("j")
    zero, more = proof.assume(partial_sums, b, t)
    above, nonnegative = proof.assume(smallest, b + 1, t)
    sums = proof.induction(
        Ge(partial(t, b), b * ell(t)),
        b,
        proof.certificate(Ge(partial(t, 0), 0), using=[zero]),
        lambda now: proof.certificate(Ge(partial(t, b + 1), (b + 1) * ell(t)), [(1, now), (1, above)], using=[more]),
    )
    total = proof.instantiate(sums, {b: n})
    return proof.certificate(Ge(lack(t), 0), [(1 / n, total)], using=[proof.assume(trace_one, t)]), nonnegative


def drift(proof, t):
    """Facts: lack(t+1) <= (1 - rate ell_t) lack(t) + M with M = (|G - D|^2/sigma + sigma)/2 >= 0, and E M <= sigma."""
    cap, nonnegative = at_most_mean(proof, t)
    bound = mean_bound(proof, lambda j: proof.assume(smallest, j, t)[0], nonnegative, cap, t)
    fall, noise = noise_bound(proof, t)
    jump = (sq(gram(t) - D(t)) / sigma + sigma) / 2
    step = proof.certificate(
        Le(lack(t + 1), (1 - rate * ell(t)) * lack(t) + jump),
        [(1, bound), (1, fall)],
        using=[proof.assume(next_layer, t)],
    )
    small = proof.certificate(Le(Mean(jump), sigma), [(1 / (2 * sigma), noise)])
    return step, jump, small


def gap_bound(proof, t):
    """Fact: V_t <= sqrt(n(n-1)) lack(t), attained by one large eigenvalue."""
    b = proof.index("c")
    zero, more = proof.assume(partial_sums, b, t)
    _, square, none, add = proof.assume(orthogonality_gap, b, t)
    above, _ = proof.assume(smallest, b + 1, t)
    excess = lambda c: partial(t, c) - c * ell(t)
    ground = proof.induction(
        Ge(excess(b), 0),
        b,
        proof.certificate(Ge(excess(0), 0), using=[zero]),
        lambda now: proof.certificate(Ge(excess(b + 1), 0), [(1, now), (1, above)], using=[more]),
    )
    cap = lambda c: excess(c) ** 2 - 2 * lack(t) * excess(c) + c * lack(t) ** 2
    total = proof.induction(
        Le(energy(t, b), cap(b)),
        b,
        proof.certificate(Le(energy(t, 0), cap(0)), using=[zero, none]),
        lambda now: proof.certificate(
            Le(energy(t, b + 1), cap(b + 1)), [(1, now), (2, proof.product(ground, above))], using=[more, add]
        ),
    )
    full = proof.rewrite(proof.instantiate(total, {b: n}), proof.assume(trace_one, t))
    squares = proof.certificate(Le(V(t) ** 2, n * (n - 1) * lack(t) ** 2), [(1, full), (-1, square)])
    root = proof.power(squares, S.Half)
    return proof.certificate(Le(V(t), sqrt(n * (n - 1)) * lack(t)), [(1, root)])

"""One head of linear self-attention on a linear regression in context: the objects that several theorems share.

Tokens v_i = (x_i; y_i), i <= n, and the query v = (x; 0).  Without softmax and mask, a head followed by a linear
read-out gives p^T G M v with G = sum_i v_i v_i^T; with p = (q; r) and (A; a^T) the first d columns of M,

    f = q^T S A x + (q^T s)(a^T x) + r s^T A x + r t (a^T x),     S = X^T X,  s = X^T y,  t = y^T y.

Data: y = X w + sigma e, query response y_0 = w^T x + sigma e_0; rows of X and x are N(0, Sigma), w is N(0, C), noise is
standard normal, all independent.
"""

from sympy import MatrixSymbol, Symbol, Trace

from gdverify import Integers, Mean, Nonnegative, Reals
from gdverify.evaluate import evaluate
from gdverify.language import SymmetricMatrix
from gdverify.laws import constant, gaussian
from gdverify.optimise import descend

n, d = Symbol("n", integer=True, positive=True), Symbol("d", integer=True, positive=True)
sigma = Symbol("sigma", nonnegative=True)
r = Symbol("r", real=True)
SIZES = {
    n: Integers(1, sample=(1, 10)),
    d: Integers(1, sample=(1, 4)),
    sigma: Nonnegative(sample=(0, 1)),
}
WEIGHTS = {r: Reals(sample=(-1, 1))}

Sigma, C = SymmetricMatrix("Sigma", d, d), SymmetricMatrix("C", d, d)
X, x, w = MatrixSymbol("X", n, d), MatrixSymbol("x", d, 1), MatrixSymbol("w", d, 1)
e, e0 = MatrixSymbol("e", n, 1), MatrixSymbol("e_0", 1, 1)
A, q, a = MatrixSymbol("A", d, d), MatrixSymbol("q", d, 1), MatrixSymbol("a", d, 1)

y, y0 = X * w + sigma * e, Trace(w.T * x) + sigma * Trace(e0)
S, s, t = X.T * X, X.T * y, Trace(y.T * y)
f = Trace(q.T * S * A * x) + Trace(q.T * s) * Trace(a.T * x) + r * Trace(s.T * A * x) + r * t * Trace(a.T * x)
loss = (f - y0) ** 2

noise = [gaussian(e), gaussian(e0)]
laws = [gaussian(X, columns=Sigma), gaussian(x, rows=Sigma), gaussian(w, rows=C), *noise]
isotropic = [gaussian(X), gaussian(x), gaussian(w), *noise]
weights = constant(A, q, a)
covariances = constant(Sigma, C)

tau = Trace(C * Sigma) + sigma**2
K = (n + 1) * Sigma * C * Sigma + tau * Sigma
B = r * A + q * a.T
N = A * Sigma * A.T


def even_part():
    """V = E |Sigma^(1/2) (A^T S q + r t a)|^2: what the weights q and a add to the loss."""
    quadratic = (n + 1) * Trace(q.T * Sigma * N * Sigma * q) + Trace(N * Sigma) * Trace(q.T * Sigma * q)
    mixed = Trace(q.T * (n**2 * tau * Sigma + 2 * n * Sigma * C * Sigma) * A * Sigma * a)
    quartic = n * (n + 2) * (tau**2 + 2 * Trace(C * Sigma * C * Sigma))
    return n * quadratic + 2 * r * mixed + r**2 * quartic * Trace(a.T * Sigma * a)


expected_loss = (
    sigma**2 + Trace(Sigma * C) - 2 * n * Trace(Sigma * C * Sigma * B) + n * Trace(Sigma * B.T * K * B) + even_part()
)


def instance(xp, rng, case):
    """Covariances of any conditioning, shared by all rows, by name; and their square roots."""
    m, family = case.d, dict(case).get("family", "general")
    if family == "isotropic":
        return {"Sigma": xp.eye(m), "C": xp.eye(m)}, (xp.eye(m), xp.eye(m))
    turn, spread = rng.shared.haar((2, m, m)), xp.exp(rng.shared.uniform((2, 1, m), -0.8, 0.4))
    back = xp.matrix_transpose(turn)
    roots = (turn * spread) @ back
    rank_one = xp.astype(xp.arange(m) < 1, xp.float64)
    root = roots[0, ...]
    task = {
        "general": roots[1, ...],
        "rank-one task": (turn * spread * rank_one)[1, ...] @ back[1, ...],
        "whitened": ((turn / spread) @ back)[0, ...],
        "same task": xp.eye(m),
    }[family]
    return {"Sigma": root @ root, "C": task @ task}, (root, task)


def random_weights(xp, rng, case, shape=()):
    """Weights (A, q, a) whose predictions have the size of the responses; one for all rows where ``shape`` is ().

    A case's ``even`` multiplies the part of the prediction that does not change sign with the task.
    """
    m, even = case.d, dict(case).get("even", 1)
    draw = rng if shape else rng.shared
    scale = 1 / (case.n + m + 1 + case.sigma**2)
    return {
        "A": (xp.eye(m) + 0.3 * draw.normal((*shape, m, m))) * scale,
        "q": draw.normal((*shape, m, 1)) * (even / (2 * m**0.5)),
        "a": draw.normal((*shape, m, 1)) * (even * scale / (8 * m**0.5)),
    }


def contexts(xp, rng, case, roots, size, target=lambda z: z):
    """S, s, t and w of many prompts for each row (their mean has lighter tails); leading shape (size, prompts)."""
    shape = (size, max(64, 2048 // (case.n * case.d)))
    root, task = roots
    data = rng.normal((*shape, case.n, case.d)) @ root
    task_vector = task @ rng.normal((*shape, case.d, 1))
    response = target(data @ task_vector) + case.sigma * rng.normal((*shape, case.n, 1))
    back = xp.matrix_transpose(data)
    return {"S": back @ data, "s": back @ response, "t": xp.matrix_transpose(response) @ response, "w": task_vector}


def slope(xp, prompt, scale, weights):
    """h with f = h^T x: h = A^T S q + a (q^T s) + r A^T s + r t a; ``scale`` is r."""
    left, key, turned = prompt["s"], xp.matrix_transpose(weights["q"]), xp.matrix_transpose(weights["A"])
    even = turned @ (prompt["S"] @ weights["q"]) + scale * prompt["t"] * weights["a"]
    return even + weights["a"] * (key @ left) + scale * (turned @ left)


def mean_square(xp, letters, gap):
    """E (gap^T x)^2 over the query x, averaged over the prompts of a row; shape (size,)."""
    value = xp.matrix_transpose(gap) @ letters["Sigma"] @ gap
    return xp.mean(value[..., 0, 0], axis=-1)


def gradient(xp, point, data):
    """Gradient of the expected loss in (A, q, a, r), each with leading row axis; r has shape (rows, 1, 1)."""
    S_, C_, count, spread = data["Sigma"], data["C"], data["n"], data["sigma"] ** 2
    tr, turn = (lambda m: xp.linalg.trace(m)[..., None, None]), xp.matrix_transpose
    A_, q_, a_, r_ = (point[k] for k in ("A", "q", "a", "r"))
    task = S_ @ C_ @ S_
    noise = tr(C_ @ S_) + spread
    curve = (count + 1) * task + noise * S_
    first = 2 * count * (curve @ (r_ * A_ + q_ @ turn(a_)) @ S_ - task)
    key, value = S_ @ q_, S_ @ a_
    middle = count**2 * noise * S_ + 2 * count * task
    fourth = count * (count + 2) * (noise**2 + 2 * tr(C_ @ S_ @ C_ @ S_))
    left = turn(q_) @ key
    pushed = middle @ A_ @ value
    inner = turn(A_) @ key
    return {
        "A": r_ * first
        + 2 * count * ((count + 1) * key @ turn(S_ @ inner) + left * (S_ @ A_ @ S_))
        + 2 * r_ * (middle @ q_) @ turn(value),
        "q": first @ a_
        + 2 * count * ((count + 1) * S_ @ A_ @ S_ @ inner + tr(A_ @ S_ @ turn(A_) @ S_) * key)
        + 2 * r_ * pushed,
        "a": turn(first) @ q_ + 2 * r_ * S_ @ turn(A_) @ (middle @ q_) + 2 * r_**2 * fourth * value,
        "r": tr(turn(first) @ A_) + 2 * turn(q_) @ pushed + 2 * r_ * fourth * (turn(a_) @ value),
    }


def one_step(preconditioner):
    """x^T P^T X^T y."""
    return Trace(s.T * preconditioner * x)


def pythagoras(proof, laws, best, value, using):
    """E (f - y_0)^2 - E (f - f*)^2 == value, and E (f* - y_0)^2 == value."""
    whole, distance = proof.gaussian(loss, laws), proof.gaussian((f - best) ** 2, laws)
    at_best = proof.gaussian((best - y0) ** 2, laws)
    apart = proof.certificate((whole.left - distance.left, "==", value), [(1, whole), (-1, distance)], using=using)
    return apart, proof.certificate((at_best.left, "==", value), [(1, at_best)], using=using)


def minimum(proof, laws, best, value, using):
    """The two propositions of a Minimiser, from the identity of Pythagoras: E (f - y_0)^2 >= value, attained by f*."""
    apart, attained = pythagoras(proof, laws, best, value, using)
    distance = proof.mean(proof.sign((f - best) ** 2))
    return proof.certificate((Mean(loss), ">=", value), [(1, apart), (1, distance)]), attained


def value(xp, case, letters, point):
    """Expected loss at weights (A, q, a, r) with leading row axis, r of shape (rows, 1, 1); shape (rows,)."""
    known = {"n": case.n, "d": case.d, "sigma": case.sigma, "r": point["r"][..., 0, 0]}
    return evaluate(expected_loss, letters | point | known, xp)


def losses(xp, rng, case, size, letters, preconditioner):
    """Expected loss at random weights and where descent from them ends, and at one step of gradient descent."""
    weights = random_weights(xp, rng, case, (size,)) | {"r": rng.normal((size, 1, 1))}
    data = letters | {"n": xp.asarray(float(case.n)), "sigma": xp.asarray(case.sigma + 0.0)}
    end = descend(xp, gradient, weights, data, steps=150, rate=0.05)
    zero = 0 * weights["q"]
    best = {"A": preconditioner + 0 * weights["A"], "q": zero, "a": zero, "r": 1 + 0 * weights["r"]}
    trained = rng.bernoulli(0.75, (size,))
    reached = {k: trained[:, None, None] * end[k] + (1 - trained)[:, None, None] * weights[k] for k in weights}
    return {
        "quantity": value(xp, case, letters, reached),
        "attained": value(xp, case, letters, best),
        **letters,
    }

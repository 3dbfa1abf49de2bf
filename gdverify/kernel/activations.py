"""Rules for Gaussian expectations of activations: E[F(U) G(V)], U and V standard normal with correlation rho.

Activations are functions of one variable z: polynomials, relu ``Max(0, z)``, step ``Heaviside(z)``, erf, exp(-c z^2).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy

from ..claim import Assumption
from ..errors import ProofError
from ..language import Mean, PairMean
from .algebra import check_defined, is_zero
from .fact import Fact
from .integrals import MomentRules
from .matrix import trace_terms, words
from .means import law_letters

_Z = PairMean.variable
_RELU, _STEP = sympy.Max(0, _Z), sympy.Heaviside(_Z)


class ActivationRules(MomentRules):
    """pair_mean, independence, price, pair_value, along_correlation."""

    def pair_mean(
        self, expr: Any, law: Assumption, deviations: Sequence[Any], correlation: Any, using: Sequence[Fact] = ()
    ) -> Fact:
        """Mean(f(u) g(v)) == PairMean(f(sigma z), g(tau z), rho), for u = a^T w and v = b^T w with a Gaussian vector w.

        ``expr`` is a product of factors in one of the traces tr(a^T w), tr(b^T w) each; a and b are constant.  With
        ``deviations`` (sigma, tau), both proved positive: a^T C a == sigma^2, b^T C b == tau^2 and
        a^T C b == rho sigma tau, identically or by equalities ``using``.  relu and step scale: their sigma comes out.
        Of one trace alone: deviations (sigma,) and correlation 0, with 1 for g.
        """
        expr = sympy.sympify(expr).replace(lambda e: isinstance(e, sympy.Trace), _canonical_trace)
        self._admit(expr)
        if law.key[:1] != ("gaussian",) or law.key[1].shape[1] != 1:
            raise ProofError(f"{law.name!r} is no law of a Gaussian vector")
        self._laws(expr, [law])
        letter, covariance = law.key[1], law.key[2].rows
        forms = sorted((t for t in expr.atoms(sympy.Trace) if t.has(letter)), key=sympy.default_sort_key)
        deviations, rho = [sympy.sympify(s) for s in deviations], sympy.sympify(correlation)
        if len(forms) not in (1, 2) or len(forms) != len(deviations):
            raise ProofError(f"pair_mean takes one or two linear forms in {letter} and their deviations")
        for s in deviations:
            if not (self.signs.positive(s) and self.signs.deterministic(s)):
                raise ProofError(f"the deviation {s} is not proved to be a positive constant")
        if len(forms) == 1:
            if rho != 0:
                raise ProofError("one linear form alone takes the correlation 0")
            self._variance(forms[0], letter, covariance, deviations[0], using)
        else:
            try:
                self._covariances(forms, letter, covariance, (*deviations, rho), using)
            except ProofError:
                forms = forms[::-1]
                self._covariances(forms, letter, covariance, (*deviations, rho), using)
        factors: list[list[Any]] = [[] for _ in forms]
        for factor in sympy.Mul.make_args(expr):
            mine = [k for k, t in enumerate(forms) if factor.has(t)]
            if len(mine) > 1:
                raise ProofError(f"{factor} is no function of one linear form")
            factors[mine[0] if mine else 0].append(factor)
        scale = sympy.S.One
        pair = []
        for parts, t, s in zip(factors, forms, deviations, strict=True):
            shape = sympy.S.One
            for factor in parts:
                c, activation = self._activation(factor.xreplace({t: _Z}), s)
                scale, shape = scale * c, shape * activation
            pair.append(shape)
        pair += [sympy.S.One] * (2 - len(pair))
        return self._record("pair mean", Mean(expr), "==", scale * PairMean(*pair, rho), using, note=law.name)

    def independence(self, expr: Any, laws: Sequence[Assumption], apart: Sequence[Assumption]) -> Fact:
        """Mean(F G) == Mean(F) Mean(G): F collects the factors in letters with ``laws``, G those with ``apart``.

        Letters with laws are independent of each other.  A factor is a polynomial in traces, relu and step of traces,
        so that all its moments exist (Gaussian letters; sphere, signs, Haar are bounded); numbers go with F.
        """
        expr = sympy.sympify(expr)
        self._admit(expr)
        self._laws(expr, [*laws, *apart])
        mine, other = ({x for law in group for x in law_letters(law)} for group in (laws, apart))
        if mine & other:
            raise ProofError("a letter on both sides: no independence")
        first: list[Any] = []
        second: list[Any] = []
        for factor in sympy.Mul.make_args(expr):
            letters = factor.atoms(sympy.MatrixSymbol) & (mine | other)
            if not letters <= mine and not letters <= other:
                raise ProofError(f"{factor} involves letters of both sides")
            self._has_moments(factor)
            (second if letters & other else first).append(factor)
        value = Mean(sympy.Mul(*first)) * Mean(sympy.Mul(*second))
        return self._record(
            "independence", Mean(expr), "==", value, note="; ".join(law.name for law in (*laws, *apart))
        )

    def _has_moments(self, f: Any) -> None:
        """Refuse what is no polynomial in constants, traces, relu and step of traces."""
        if isinstance(f, sympy.Trace):
            if f.atoms(sympy.Inverse, sympy.MatPow, sympy.Pow):
                raise ProofError(f"the moments of {f} are not known to exist")
        elif f.is_Add or f.is_Mul:
            for part in f.args:
                self._has_moments(part)
        elif f.is_Pow and f.exp.is_Integer and f.exp > 0:
            self._has_moments(f.base)
        elif isinstance(f, sympy.Heaviside) and len(f.args) in (1, 2) and f.args[1:] in ((), (sympy.S.Half,)):
            self._has_moments(f.args[0])
        elif isinstance(f, sympy.Max):
            for part in f.args:
                self._has_moments(part)
        elif f.atoms(sympy.MatrixSymbol) or not self.signs.deterministic(f):
            raise ProofError(f"the moments of {f} are not known to exist")
        else:
            check_defined(f, self.signs)
            if not self.signs.real(f):
                raise ProofError(f"{f} is not known to be real")

    def _variance(self, form: Any, letter: Any, covariance: Any, sigma: Any, using: Sequence[Fact]) -> None:
        a = self._direction(form, letter)
        self._same_value(sympy.Trace(a.T * covariance * a), sigma**2, using)

    def _covariances(self, forms: Any, letter: Any, covariance: Any, stated: Any, using: Sequence[Fact]) -> None:
        """Refuse unless the two forms have the stated deviations and correlation."""
        sigma, tau, rho = stated
        a, b = (self._direction(t, letter) for t in forms)
        product = lambda x, y: sympy.Trace(x.T * covariance * y)
        for actual, value in ((product(a, a), sigma**2), (product(b, b), tau**2), (product(a, b), rho * sigma * tau)):
            self._same_value(actual, value, using)

    def _direction(self, form: Any, letter: Any) -> Any:
        ((word, _),) = words(form.arg).items()
        if sum(x[0] == letter for x in word) != 1:
            raise ProofError(f"{form} is not linear in {letter}")
        turned = form.arg if word[-1] == (letter, False, False) else form.arg.T
        ((word, _),) = words(turned).items()
        if word[-1] != (letter, False, False) or len(word) < 2:
            raise ProofError(f"{form} is not of the form tr(a^T {letter})")
        factors = [sympy.Transpose(x[0]) if x[1] else x[0] for x in word[:-1]]
        return sympy.Transpose(sympy.MatMul(*factors) if len(factors) > 1 else factors[0]).doit()

    def _same_value(self, actual: Any, stated: Any, using: Sequence[Fact]) -> None:
        if is_zero(actual - stated, self.signs):
            return
        for fact in using:
            self._mine(fact)
            if fact.relation == "==" and not isinstance(fact.left, sympy.MatrixExpr):
                if is_zero(actual - stated - fact.expr, self.signs) or is_zero(actual - stated + fact.expr, self.signs):
                    return
        raise ProofError(f"{actual} == {stated} is not proved")

    def _activation(self, f: Any, s: Any) -> tuple[Any, Any]:
        """f(s z) as (constant, activation), for s > 0."""
        base, power = f.as_base_exp()
        if not f.has(_Z):
            if not self._fixed(f):
                raise ProofError(f"{f} is not known to be constant")
            return f, sympy.S.One
        if power.is_Integer and power > 0 and base in (_Z, _RELU):
            return s**power, f
        if base == _STEP and power.is_Integer and power > 0:
            return sympy.S.One, f
        shape = f.xreplace({_Z: s * _Z})
        self._lipschitz(shape)
        return sympy.S.One, shape

    def _lipschitz(self, f: Any) -> None:
        """Refuse what is not locally Lipschitz in z, with a derivative of polynomial growth."""
        if f in (_Z, _RELU) or not f.has(_Z):
            if not f.has(_Z):
                check_defined(f, self.signs)
                if not (self.signs.deterministic(f) and self.signs.real(f)):
                    raise ProofError(f"{f} is not known to be a real constant")
            return
        if f.is_Add or f.is_Mul:
            for part in f.args:
                self._lipschitz(part)
        elif f.is_Pow and f.exp.is_Integer and f.exp > 0:
            self._lipschitz(f.base)
        elif isinstance(f, (sympy.erf, sympy.sin, sympy.cos, sympy.tanh)):
            self._lipschitz(f.args[0])
        elif isinstance(f, sympy.exp):
            self._decay(f)
        else:
            raise ProofError(f"{f} is no activation that the kernel knows to be locally Lipschitz")

    def _decay(self, f: Any) -> Any:
        """c >= 0 with f = exp(-c z^2)."""
        c = sympy.cancel(-f.args[0] / _Z**2)
        if (
            c.has(_Z)
            or not is_zero(f.args[0] + c * _Z**2, self.signs)
            or not (self.signs.nonnegative(c) and self.signs.deterministic(c))
        ):
            raise ProofError(f"{f} is not exp(-c z^2) with c >= 0")
        return c

    def _correlation(self, rho: Any) -> None:
        if not (self.signs.nonnegative(1 - rho) and self.signs.nonnegative(1 + rho)):
            raise ProofError(f"-1 <= {rho} <= 1 is not proved")

    def price(self, first: Any, second: Any, rho: Any) -> Fact:
        """d/drho PairMean(F, G, rho) == PairMean(F', G', rho), for a generic rho in (-1, 1) (R. Price 1958).

        F and G are locally Lipschitz with derivatives of polynomial growth: the joint density p satisfies
        dp/drho = d^2 p/du dv, and both derivatives are moved over by parts.  For two steps the same gives the
        density at the origin, 1/(2 pi sqrt(1 - rho^2)).
        """
        first, second = sympy.sympify(first), sympy.sympify(second)
        self._open_correlation(rho)
        left = sympy.Derivative(PairMean(first, second, rho), rho)
        for f in (first, second):
            if rho in f.free_symbols:
                raise ProofError(f"{f} depends on the correlation")
        if first == second == _STEP:
            return self._record("price", left, "==", 1 / (2 * sympy.pi * sympy.sqrt(1 - rho**2)))
        for f in (first, second):
            self._lipschitz(f)
        slopes = [sympy.diff(f, _Z) for f in (first, second)]
        scale = sympy.S.One
        for k, f in enumerate(slopes):
            constant, slopes[k] = f.as_independent(_Z, as_Add=False)
            scale *= constant
        return self._record("price", left, "==", scale * PairMean(*slopes, rho))

    def _open_correlation(self, rho: Any) -> None:
        dom = self._domain(rho)
        inside = dom.low == -1 and dom.low_open and dom.high == 1 and dom.high_open and not dom.integer
        if rho not in self.generic or not inside:
            raise ProofError(f"{rho} is no generic correlation: proof.scalar(name, Interval(-1, 1, open='both'))")

    def pair_value(self, first: Any, second: Any, rho: Any) -> Fact:
        """PairMean(F, G, rho) == its value, for -1 <= rho <= 1 and one of

        - F a polynomial, G a polynomial plus polynomials times relu or step: U = rho V + sqrt(1 - rho^2) W with W
          independent of V, and half-line moments of V;
        - rho = 0: E F E G for two functions of that second kind, or 0 where one of F, G is odd;
        - exp(-a z^2) and exp(-b z^2): ((1 + 2a)(1 + 2b) - 4ab rho^2)^(-1/2).
        """
        first, second, rho = (sympy.sympify(e) for e in (first, second, rho))
        self._correlation(rho)
        if not self.signs.deterministic(rho):
            raise ProofError(f"the correlation {rho} is not known to be constant")
        value = self._pair_value(first, second, rho)
        return self._record("pair value", PairMean(first, second, rho), "==", value)

    def _pair_value(self, first: Any, second: Any, rho: Any) -> Any:
        if isinstance(first, sympy.exp) and isinstance(second, sympy.exp):
            a, b = self._decay(first), self._decay(second)
            return 1 / sympy.sqrt((1 + 2 * a) * (1 + 2 * b) - 4 * a * b * rho**2)
        if rho == 0:
            for f, g in ((first, second), (second, first)):
                if self._odd(f) and self._integrable(g):
                    return sympy.S.Zero
            one, two = (self._halves(f) for f in (first, second))
            return _line(*one) * _line(*two)
        for f, g in ((first, second), (second, first)):
            whole, half = self._halves(f)
            if half != 0:
                continue
            total = []
            other = self._halves(g)
            for (power,), c in sympy.Poly(whole, _Z).terms():
                for k in range(power, -1, -2):
                    rest = power - k  # E W^rest, even
                    moved = [e * _Z**k for e in other]
                    weight = sympy.binomial(power, k) * rho**k * (1 - rho**2) ** (rest // 2) * _normal(rest)
                    total.append(c * weight * _line(*moved))
            return sympy.Add(*total)
        raise ProofError(f"no closed form for E[({first})(U) ({second})(V)]: try proof.price")

    def _halves(self, f: Any) -> tuple[Any, Any]:
        """f = P(z) + Q(z) step(z) with polynomials P, Q; relu is z step(z), and step^2 is step."""
        step = sympy.Dummy()
        poly = sympy.expand(f.xreplace({_RELU: _Z * step, _STEP: step}))
        if not poly.is_polynomial(_Z, step):
            raise ProofError(f"{f} is no polynomial in z, relu and step")
        whole, half = sympy.S.Zero, sympy.S.Zero
        for (k, j), c in sympy.Poly(poly, _Z, step).terms():
            check_defined(c, self.signs)
            if not (self.signs.deterministic(c) and self.signs.real(c)):
                raise ProofError(f"{c} is not known to be a real constant")
            whole, half = (whole, half + c * _Z**k) if j else (whole + c * _Z**k, half)
        return whole, half

    def _integrable(self, f: Any) -> bool:
        try:
            if f == _STEP:
                return True
            self._lipschitz(f)
        except ProofError:
            return False
        return True

    def _odd(self, f: Any) -> bool:
        return f != _STEP and self._integrable(f) and is_zero(f.xreplace({_Z: -_Z}) + f, self.signs)

    def along_correlation(self, slope: Fact, start: Fact, antiderivative: Any, rho: Any) -> Fact:
        """From d/drho PairMean(F, G, rho) == h(rho) and PairMean(F, G, 0) == c: PairMean == c + H(rho) - H(0).

        H' = h on (-1, 1), checked; ``slope`` is about a generic rho in (-1, 1) and rests on no supposition.
        """
        self._mine(slope)
        self._mine(start)
        self._open_correlation(rho)
        if slope.hypotheses or start.hypotheses or slope.relation != "==" or start.relation != "==":
            raise ProofError("along_correlation takes two equalities that rest on no supposition")
        left, antiderivative = slope.left, sympy.sympify(antiderivative)
        if not isinstance(left, sympy.Derivative) or not isinstance(left.expr, PairMean) or left.variables != (rho,):
            raise ProofError(f"step {slope.number} is no derivative of a PairMean in {rho}")
        if left.expr.args[2] != rho or start.left != PairMean(*left.expr.args[:2], 0):
            raise ProofError(f"step {start.number} is not the value of {left.expr} at correlation 0")
        if not is_zero(self._derivative(antiderivative, rho) - slope.right, self.signs):
            raise ProofError(f"{antiderivative} is no antiderivative of {slope.right}")
        value = start.right + antiderivative - self._plug(antiderivative, {rho: sympy.S.Zero})
        return self._record("along correlation", left.expr, "==", value, [slope, start])

    def _derivative(self, expr: Any, x: Any) -> Any:
        """See the rules of calculus."""
        raise NotImplementedError


def _canonical_trace(trace: Any) -> Any:
    terms = trace_terms(trace.arg)
    return sympy.Add(*[c * sympy.Mul(*f) for c, f in terms])


def _normal(k: int) -> Any:
    """E W^k for a standard normal W."""
    return sympy.factorial2(k - 1) if k % 2 == 0 else sympy.S.Zero


def _half_line(k: int) -> Any:
    """E W^k 1[W > 0]: half of E|W|^k."""
    if k % 2 == 0:
        return _normal(k) / 2
    m = (k - 1) // 2
    return 2**m * sympy.factorial(m) / sympy.sqrt(2 * sympy.pi)


def _line(whole: Any, half: Any) -> Any:
    """E[P(V) + Q(V) 1[V > 0]]."""
    total = [c * _normal(k) for (k,), c in sympy.Poly(whole, _Z).terms()]
    total += [c * _half_line(k) for (k,), c in sympy.Poly(half, _Z).terms()]
    return sympy.Add(*total)

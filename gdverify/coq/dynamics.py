"""Steps about matrices that move: gradients of a loss, derivatives along a flow, and what follows for all times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sympy

from ..kernel.fact import Fact
from ..kernel.matrix import Word, cancel, words
from ..language import MatrixTerm, TimeDerivative
from .terms import NotExported

if TYPE_CHECKING:
    from .lemmas import Lemmas


def statement(derivation: Lemmas, moving: Any, rate: Any) -> str:
    """d(moving)/dt = rate as a proposition about the instant that its letters carry."""
    quantity = moving.args[0]
    t = instant(quantity)
    name, terms = derivation.terms.symbol(t), derivation.terms
    if isinstance(quantity, sympy.MatrixExpr):
        value = sympy.ZeroMatrix(*quantity.shape) if rate == 0 else rate
        return f"mderiv (fun {name} : R => {terms.mat(quantity)}) {name} {terms.mat(value)}"
    return f"derivable_pt_lim (fun {name} : R => {terms.real(quantity)}) {name} {terms.real(rate)}"


def instant(quantity: Any) -> Any:
    """The symbol of time in a quantity made of letters at one time."""
    found = {x.index for x in quantity.atoms(MatrixTerm)}
    if len(found) != 1 or not next(iter(found)).is_Symbol:
        raise NotExported(f"{quantity} is not about one instant")
    return found.pop()


class Dynamics:
    """Scripts for one file; ``declared`` takes its new variables and hypotheses."""

    def __init__(self, derivation: Lemmas):
        self.derivation, self.terms = derivation, derivation.terms
        self.matrices = derivation.identities.matrices
        self._laws: dict[tuple[str, str], str] = {}

    # -- gradients --------------------------------------------------------------------------------------------

    def _law(self, law: Any, letter: Any) -> tuple[str, str, Any]:
        """Names of the gradient and of the law of motion of a letter, declared once, and what the loss is there."""
        kind, loss, _, variable = law.key[:4]
        if self.terms.random:
            raise NotExported("a random loss")
        own = letter if variable is None else letter.sequence(variable)
        text = str(letter.args[0])
        gradient = self.terms.name("gradient", f"grad_{text}")
        name = self.terms.name("law", f"{self.derivation._slug(law.name)}_{text}")
        if (law.name, text) in self._laws:
            return gradient, name, own
        self._laws[law.name, text] = name
        t = self.terms
        whole = [t.nat(n) for n in letter.shape]
        index = "" if variable is None else "nat -> " if t.matrix_index.get(text) == "nat" else "R -> "
        quantifier, at = "", ""
        if variable is not None:
            v = t.symbol(variable)
            quantifier = f"forall {v} : nat, " if index == "nat -> " else f"forall {v} : R, 0 <= {v} -> "
            at = f" {v}"
        inverted = text in t.inverses
        t.instead = {own: "Y"}
        if inverted:
            inverse = sympy.Inverse(own)
            t.instead[inverse] = "Z"
        body = t.real(loss)
        t.instead = {}
        here = t.mat(own)
        claim = (
            f"gradient_inverse (fun Y Z => {body}) {here} {t.mat(inverse)} ({gradient}{at})"
            if inverted
            else f"gradient (fun Y => {body}) {here} ({gradient}{at})"
        )
        if kind == "gradient-flow":
            if not at:
                raise NotExported(f"{law.name!r} without a time")
            motion = f"mderiv (fun {at.strip()} : R => {here}){at} (mscal (-1) ({gradient}{at}))"
        else:
            after = dict(law.key[5])[own]
            motion = f"{t.mat(after)} = madd {here} (mscal {t.real(-law.key[4])} ({gradient}{at}))"
        self.derivation._declared += [
            f"(* {law.name}: the gradient of the loss in {text}, and the motion of {text} *)",
            f"Variable {gradient} : {index}mat {whole[0]} {whole[1]}.",
            f"Hypothesis {name}_gradient : {quantifier}{claim}.",
            f"Hypothesis {name} : {quantifier}{motion}.",
        ]
        return gradient, name, own

    def gradient(self, law: Any, letter: Any, using: Any, fact: Fact, flow: bool) -> str:
        if law not in self.derivation.claim.assumptions:
            raise NotExported(f"the claim does not assume {law.name!r}")
        if using:
            raise NotExported("a gradient simplified by equations")
        gradient, name, _ = self._law(law, letter)
        t, proof = self.terms, self.derivation.proof
        at = proof._moment(law, letter)
        value = proof._gradient(law, letter, ())
        loss = law.key[1].subs(at)
        index, premise = "", ""
        if at:
            real = t.matrix_index.get(str(letter.args[0])) != "nat"
            index = f" {t.real(letter.index) if real else t.nat(letter.index)}"
            premise = " ltac:(sign)" if real else ""
        inverted = str(letter.args[0]) in t.inverses
        direction = sympy.MatrixSymbol("any direction", *letter.shape)
        t.instead = {direction: "D"}
        lines = [f"  assert (G : {gradient}{index} = {t.mat(value)})."]
        if inverted:
            inverse = t.name("inverse", f"{letter.args[0]}_inv")
            lines.append(f"  {{ apply (gradient_inverse_unique _ _ _ _ _ _ ({inverse}_right{index}{premise})")
            lines.append(f"      ({inverse}_left{index}{premise}) ({name}_gradient{index}{premise})).")
            lines.append("    intros Y Z D Y0 Z0 YZ ZY MY MZ; cbv beta.")
        else:
            lines.append(f"  {{ apply (gradient_unique _ _ _ _ _ _ ({name}_gradient{index}{premise})).")
            lines.append("    intros Y D Y0 MY; cbv beta.")
        lines.append("    eapply d_value; [moves|].")
        lines.append("    cbv beta; rewrite ?Y0, ?Z0." if inverted else "    cbv beta; rewrite ?Y0.")
        found = [
            *self._changes(loss, {letter: {((direction, False, False),): sympy.S.One}}),
            *words(value.T * direction),
        ]
        lines += self._compare(found, letter.shape[1])
        t.instead = {}
        if flow:
            lines.append(f"  eapply m_value; [exact ({name}{index}{premise})|].")
        else:
            lines.append(f"  rewrite ({name}{index}{premise}).")
        lines.append("  rewrite G; mring.")
        return "\n".join(lines[:-2] + lines[-2:])

    def _changes(self, expr: Any, speed: dict[Any, Any]) -> list[Word]:
        """The words that the product rule makes of the traces in an expression; ``speed`` is a sum of words."""
        found: list[Word] = []
        for trace in expr.atoms(sympy.Trace):
            for word in words(trace.arg):
                found.append(word)
                for k, x in enumerate(word):
                    for v in speed.get(x[0], ()):
                        inside = tuple((s, t != x[1], i) for s, t, i in (v if not x[1] else v[::-1]))
                        inside = tuple(_symmetric(y) for y in inside)
                        if x[2]:
                            inside = (x, *inside, x)
                        found.append(cancel(word[:k] + inside + word[k + 1 :]))
        return found

    def _compare(self, found: Any, size: Any) -> list[str]:
        """An equation of scalars made of the traces of these words."""
        lines: list[str] = []
        names: list[str] = []
        known: dict[Any, tuple[Any, str]] = {}
        for word in found:
            _, name = self.matrices._trace(word, size, [], known, lines, 0)
            names += [name] if name and name not in names else []
        rewriting = " ".join(f"rewrite ?{n};" for n in names)
        return [*lines, f"    mexpand; msym; mtraces; {rewriting} algebra. }}"]

    # -- motion -----------------------------------------------------------------------------------------------

    def lie_derivative(self, fact: Fact, args: dict[str, Any], facts: str) -> str:
        quantity = args["quantity"]
        if quantity.atoms(sympy.Inverse):
            raise NotExported("the derivative of an inverse (that it has one is not proved in Coq)")
        use = self.derivation.use
        values = [f for f in args["using"] if not isinstance(f.left, sympy.MatrixExpr)]
        equations = [f for f in args["using"] if f not in values]
        known = " ".join(f"rewrite ?{use(f.number)};" for f in values)
        if isinstance(quantity, sympy.MatrixExpr):
            body = self.matrices.equation(self.derivation.equalities(equations))
            return f"{facts}\n  eapply m_value; [moves|]. {known.rstrip(';')}{'.' if known else ''}\n{body}"
        if equations:
            raise NotExported("a derivative of traces simplified by matrix equations")
        speed = {f.left.args[0]: words(f.right) if f.right != 0 else {} for f in args["flow"]}
        size = next(iter(quantity.atoms(sympy.Trace))).arg.shape[0]
        found = self._changes(quantity, speed)
        found += [w for trace in fact.right.atoms(sympy.Trace) for w in words(trace.arg)]
        lines = self._compare([w for w in found if w], size)
        lines[-1] = lines[-1].removesuffix(" }")
        return "\n".join([facts, f"  eapply d_value; [moves|]. {known.rstrip(';')}{'.' if known else ''}", *lines])

    def conserved(self, n: int, fact: Fact, args: dict[str, Any]) -> str:
        motion, time = args["motion"], args["time"]
        t = self.terms
        name = t.symbol(time)
        quantity = motion.left.args[0]
        at = self.derivation.use(motion.number, instead={time: ("now_", ["now_low_"])})
        if isinstance(quantity, sympy.MatrixExpr):
            lines = [f"  refine (matrix_stays _ _ (fun {name} => {t.mat(quantity)}) _ {name} ltac:(sign))."]
            lines.append(f"  intros now_ now_low_; eapply m_value; [exact {at}|]; reflexivity.")
        else:
            lines = [f"  refine (stays (fun {name} => {t.real(quantity)}) _ {name} ltac:(sign))."]
            lines.append(f"  intros now_ now_low_; eapply d_value; [exact {at}|]; reflexivity.")
        return "\n".join(lines)

    def gronwall(self, n: int, fact: Fact, args: dict[str, Any]) -> str:
        motion, decay, time, rate = args["motion"], args["decay"], args["time"], sympy.sympify(args["rate"])
        t = self.terms
        name = t.symbol(time)
        value = motion.left.args[0]
        instead = {time: ("now_", ["now_low_"])}
        moving, speed = (f"(fun {name} => {t.real(e)})" for e in (value, motion.right))
        lines = [f"  assert (F := decays {moving} {speed} {t.real(rate)})."]
        lines.append("  cbv beta in F; refine (ge_ge _ _ _ _ (F _ _ " + name + " ltac:(sign)) _).")
        lines.append(f"  {{ intros now_ now_low_; exact {self.derivation.use(motion.number, instead=instead)}. }}")
        name_ = "F_decay"
        lines.append(
            f"  {{ intros now_ now_low_; pose proof {self.derivation.use(decay.number, instead=instead)} as {name_}."
        )
        lemma = {">=": "ge_ge", ">": "gt_ge", "==": "eq_ge"}[decay.relation]
        lines.append(f"    refine ({lemma} _ _ _ _ {name_} _).")
        inner = {time: sympy.Symbol("now_", real=True)}
        put = lambda e: self.derivation.proof._plug(sympy.sympify(e), inner)
        script = self.derivation.identities.script(
            [put(-rate * value - motion.right), put(decay.left), put(decay.right)], ()
        )
        lines.append(f"{script} }}")
        start = self.derivation.proof._plug(value, {time: 0})
        script = self.derivation.identities.script([fact.left, fact.right, start, value], ())
        lines.append(
            f"  {{ replace (- {t.real(rate)} * {name}) with ({t.real(sympy.expand(-rate * time))}) by algebra."
        )
        lines.append(f"{script} }}")
        return "\n".join(lines)


def _symmetric(letter: Any) -> Any:
    from ..language import SymmetricMatrix

    return (letter[0], False, letter[2]) if isinstance(letter[0], SymmetricMatrix) else letter


def is_motion(e: Any) -> bool:
    """Whether an expression is a derivative along a flow."""
    return isinstance(e, TimeDerivative)

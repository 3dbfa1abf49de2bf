(* An expectation: a linear, monotone functional of real functions of the outcome, with E 1 = 1.  Every function has
   one, as where outcomes are finitely many; that a mean exists is not discussed. *)
Variable Omega : Type.
Variable E : (Omega -> R) -> R.
Hypothesis E_plus : forall X Y, E (fun omega => X omega + Y omega) = E X + E Y.
Hypothesis E_scal : forall c X, E (fun omega => c * X omega) = c * E X.
Hypothesis E_one : E (fun _ => 1) = 1.
Hypothesis E_ge : forall X Y, (forall omega, X omega >= Y omega) -> E X >= E Y.

Lemma E_ext X Y : (forall omega, X omega = Y omega) -> E X = E Y.
Proof.
  intros H; apply Rge_antisym; apply E_ge; intros omega; rewrite H; apply Rle_refl || (right; reflexivity).
Qed.
Lemma E_cons c X Y y : E Y = y -> E (fun omega => c * X omega + Y omega) = c * E X + y.
Proof.
  intros <-; rewrite <- E_scal, <- E_plus; reflexivity.
Qed.
Lemma E_end c X : E (fun omega => c * X omega) = c * E X.
Proof. apply E_scal. Qed.
Lemma E_rsum (f : nat -> Omega -> R) a b :
  E (fun omega => rsum (fun k => f k omega) a b) = rsum (fun k => E (fun omega => f k omega)) a b.
Proof.
  unfold rsum; induction (b - a)%nat as [|m IH]; simpl.
  - transitivity (E (fun omega => 0 * 1)); [apply E_ext; intros; ring|]; rewrite E_scal; ring.
  - rewrite <- IH; apply (E_plus _ (fun omega => f (a + m)%nat omega)).
Qed.

(* There is an outcome, for E 1 = 1: what follows from facts about any one outcome, and does not speak of it, holds. *)
Lemma some_outcome : (Omega -> False) -> False.
Proof.
  intros H; assert (F : E (fun _ => 1) = E (fun _ => 0 * 1)) by (apply E_ext; intros omega; destruct (H omega)).
  rewrite E_one, E_scal in F; lra.
Qed.
Lemma outcome_ge a b : (Omega -> a >= b) -> a >= b.
Proof. intros H; destruct (Rge_dec a b); [assumption|]; exfalso; apply some_outcome; intros o; auto. Qed.
Lemma outcome_gt a b : (Omega -> a > b) -> a > b.
Proof. intros H; destruct (Rgt_dec a b); [assumption|]; exfalso; apply some_outcome; intros o; auto. Qed.
Lemma outcome_eq (a b : R) : (Omega -> a = b) -> a = b.
Proof. intros H; destruct (Req_EM_T a b); [assumption|]; exfalso; apply some_outcome; intros o; auto. Qed.

(* Probability of X > c. *)
Definition prob (X : Omega -> R) (c : R) : R := E (fun omega => if Rlt_dec c (X omega) then 1 else 0).
Lemma prob_bit X c : 0 <= c -> 0 < 1 - c -> (forall omega, X omega ^ 2 - X omega = 0) -> prob X c = E X.
Proof.
  intros L H B; apply E_ext; intros omega; specialize (B omega).
  assert (D : X omega * (X omega - 1) = 0) by (rewrite <- B; ring).
  apply Rmult_integral in D; destruct D; destruct (Rlt_dec c (X omega)); lra.
Qed.

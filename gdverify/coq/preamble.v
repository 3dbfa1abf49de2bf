(* Preamble: what exported derivations use beyond Coq's standard library.  Everything here is proved. *)
Require Import Reals Lra Lia.
Open Scope R_scope.

(* Sum of f over the integers k with a <= k < b. *)
Fixpoint rsum_from (f : nat -> R) (a count : nat) : R :=
  match count with O => 0 | S m => rsum_from f a m + f (a + m)%nat end.
Definition rsum (f : nat -> R) (a b : nat) : R := rsum_from f a (b - a).

Lemma rsum_ext f g a b : (forall k, (a <= k < b)%nat -> f k = g k) -> rsum f a b = rsum g a b.
Proof.
  unfold rsum; intros H; assert (L : forall m, (m <= b - a)%nat -> rsum_from f a m = rsum_from g a m).
  { induction m as [|m IH]; simpl; intros; [reflexivity|]; rewrite IH by lia; rewrite H by lia; reflexivity. }
  apply L; lia.
Qed.

Lemma rsum_le f g a b : (forall k, (a <= k < b)%nat -> f k <= g k) -> rsum f a b <= rsum g a b.
Proof.
  unfold rsum; intros H; assert (L : forall m, (m <= b - a)%nat -> rsum_from f a m <= rsum_from g a m).
  { induction m as [|m IH]; simpl; intros; [lra|].
    assert (rsum_from f a m <= rsum_from g a m) by (apply IH; lia).
    assert (f (a + m)%nat <= g (a + m)%nat) by (apply H; lia); lra. }
  apply L; lia.
Qed.

Lemma rsum_plus f g a b : rsum (fun k => f k + g k) a b = rsum f a b + rsum g a b.
Proof. unfold rsum; induction (b - a)%nat as [|m IH]; simpl; [|rewrite IH]; ring. Qed.

Lemma rsum_nonneg f a b : (forall k, (a <= k < b)%nat -> 0 <= f k) -> 0 <= rsum f a b.
Proof.
  intros H; assert (L := rsum_le (fun _ => 0) f a b H); enough (rsum (fun _ => 0) a b = 0) by lra.
  unfold rsum; induction (b - a)%nat as [|m IH]; simpl; [|rewrite IH]; ring.
Qed.

Lemma rsum_scal c f a b : rsum (fun k => c * f k) a b = c * rsum f a b.
Proof. unfold rsum; induction (b - a)%nat as [|m IH]; simpl; [|rewrite IH]; ring. Qed.

Lemma rsum_cons c f g a b y : rsum g a b = y -> rsum (fun k => c * f k + g k) a b = c * rsum f a b + y.
Proof. intros <-; rewrite <- rsum_scal, <- rsum_plus; reflexivity. Qed.

Lemma rsum_one a b : (a <= b)%nat -> rsum (fun _ => 1) a b = INR b - INR a.
Proof.
  intros H; unfold rsum; rewrite <- minus_INR by lia.
  induction (b - a)%nat as [|m IH]; [reflexivity|]; rewrite S_INR, <- IH; simpl; ring.
Qed.

Lemma rsum_telescope f a b : (a <= b)%nat -> rsum (fun k => f k - f (k + 1)%nat) a b = f a - f b.
Proof.
  intros H; unfold rsum; replace b with (a + (b - a))%nat at 2 by lia.
  induction (b - a)%nat as [|m IH]; simpl; [rewrite Nat.add_0_r; ring|].
  rewrite IH; replace (a + m + 1)%nat with (a + S m)%nat by lia; ring.
Qed.

Lemma telescoped f c a b :
  (a <= b)%nat -> (forall k, (a <= k < b)%nat -> f k - f (k + 1)%nat >= c k) -> f a - f b >= rsum c a b.
Proof.
  intros H F; rewrite <- (rsum_telescope f a b H); apply Rle_ge, rsum_le; intros; apply Rge_le, F; assumption.
Qed.

Lemma rsum_shift f g s a b a' b' :
  (a <= b)%nat -> a = (a' + s)%nat -> b = (b' + s)%nat -> (forall k, f (k + s)%nat = g k) -> rsum f a b = rsum g a' b'.
Proof.
  intros L -> -> H; unfold rsum; replace (b' + s - (a' + s))%nat with (b' - a')%nat by lia.
  induction (b' - a')%nat as [|m IH]; simpl; [reflexivity|]; rewrite IH, <- H; do 2 f_equal; lia.
Qed.

Lemma rsum_from_first f m : forall a, rsum_from f a (S m) = f a + rsum_from f (S a) m.
Proof.
  induction m as [|m IH]; intros a; [simpl; rewrite Nat.add_0_r; ring|].
  change (rsum_from f a (S (S m))) with (rsum_from f a (S m) + f (a + S m)%nat).
  change (rsum_from f (S a) (S m)) with (rsum_from f (S a) m + f (S a + m)%nat).
  rewrite IH; replace (S a + m)%nat with (a + S m)%nat by lia; ring.
Qed.

(* The sum backwards: k + k' = s. *)
Lemma rsum_turn f g s a b a' b' :
  (a <= b)%nat -> (a + b' = s + 1)%nat -> (b + a' = s + 1)%nat ->
  (forall k k', (a <= k < b)%nat -> (k + k' = s)%nat -> f k = g k') -> rsum f a b = rsum g a' b'.
Proof.
  intros L A B H; unfold rsum; replace (b' - a')%nat with (b - a)%nat by lia.
  remember (b - a)%nat as m; revert b a' B L H Heqm; induction m as [|m IH]; intros; [reflexivity|].
  rewrite (rsum_from_first g); rewrite <- (IH (b - 1)%nat (S a')); try lia.
  - simpl; rewrite (H (a + m)%nat a'); [ring|lia|lia].
  - intros; apply H; lia.
Qed.

Lemma next_integer (m n : nat) : INR m > INR n -> INR m >= INR n + 1.
Proof. intros H; apply INR_lt in H; rewrite <- S_INR; apply Rle_ge, le_INR; lia. Qed.

Lemma rsum_split f a m b : (a <= m)%nat -> (m <= b)%nat -> rsum f a b = rsum f a m + rsum f m b.
Proof.
  intros H K; unfold rsum; replace (b - a)%nat with ((m - a) + (b - m))%nat by lia.
  induction (b - m)%nat as [|j IH]; [rewrite Nat.add_0_r; simpl; ring|].
  rewrite Nat.add_succ_r; simpl; rewrite IH; replace (a + (m - a + j))%nat with (m + j)%nat by lia; ring.
Qed.

Lemma rsum_last f a b : b = (a + 1)%nat -> rsum f a b = f a.
Proof.
  intros ->; unfold rsum; replace (a + 1 - a)%nat with 1%nat by lia; simpl; rewrite Nat.add_0_r; ring.
Qed.

Lemma induction_from (low : nat) (P : nat -> Prop) :
  P low -> (forall k, (low <= k)%nat -> P k -> P (k + 1)%nat) -> forall k, (low <= k)%nat -> P k.
Proof.
  intros H S k; induction k as [|k IH]; intros L.
  - replace low with O in H by lia; exact H.
  - destruct (Nat.eq_dec low (k + 1)) as [E|E].
    + replace (Datatypes.S k) with low by lia; exact H.
    + replace (Datatypes.S k) with (k + 1)%nat by lia; apply S; [lia|apply IH; lia].
Qed.

(* From an identity to a relation. *)
Lemma ge_from l r s : l - r = s -> 0 <= s -> l >= r. Proof. lra. Qed.
Lemma gt_from l r s : l - r = s -> 0 < s -> l > r. Proof. lra. Qed.
Lemma eq_from l r s : l - r = s -> s = 0 -> l = r. Proof. lra. Qed.
Lemma ge_slack l r : l >= r -> 0 <= l - r. Proof. lra. Qed.
Lemma gt_slack l r : l > r -> 0 < l - r. Proof. lra. Qed.
Lemma eq_slack m l r : l = r -> m * (l - r) = 0. Proof. intros ->; ring. Qed.
Lemma eq_term m l r : l = r -> 0 <= m * (l - r). Proof. intros ->; right; ring. Qed.
Lemma ge_ge a b c d : a >= b -> c - d = a - b -> c >= d. Proof. lra. Qed.
Lemma gt_ge a b c d : a > b -> c - d = a - b -> c >= d. Proof. lra. Qed.
Lemma gt_gt a b c d : a > b -> c - d = a - b -> c > d. Proof. lra. Qed.
Lemma eq_ge a b c d : a = b -> c - d = a - b -> c >= d. Proof. lra. Qed.
Lemma eq_eq a b c d : a = b -> c - d = a - b -> c = d. Proof. lra. Qed.
Lemma strictly_add_l a b : 0 < a -> 0 <= b -> 0 < a + b. Proof. lra. Qed.
Lemma strictly_add_r a b : 0 <= a -> 0 < b -> 0 < a + b. Proof. lra. Qed.
Lemma square_ge c x : 0 <= c -> 0 <= c * x ^ 2.
Proof. intros; apply Rmult_le_pos; [assumption|apply pow2_ge_0]. Qed.
Lemma inverse_ge x : 0 < x -> 0 <= / x. Proof. intros; left; apply Rinv_0_lt_compat; assumption. Qed.
Lemma exp_tangent u v : exp u >= exp v + exp v * (u - v).
Proof.
  assert (H := exp_ineq1_le (u - v)); replace u with (v + (u - v)) at 1 by ring; rewrite exp_plus.
  apply Rle_ge; assert (0 < exp v) by apply exp_pos; nra.
Qed.
Lemma exp_up k b r : exp (INR k * b + r) = exp b ^ k * exp r.
Proof. rewrite exp_plus; f_equal; induction k; [rewrite Rmult_0_l, exp_0; reflexivity|].
  rewrite S_INR; simpl; rewrite <- IHk, <- exp_plus; f_equal; ring. Qed.
Lemma exp_down k b r : exp (- (INR k * b) + r) = (/ exp b) ^ k * exp r.
Proof. replace (- (INR k * b)) with (INR k * - b) by ring; rewrite exp_up, exp_Ropp; reflexivity. Qed.
Lemma ge_le_sub a b : 0 <= b - a -> a <= b. Proof. lra. Qed.

Ltac constants :=
  repeat first [rewrite plus_INR | rewrite minus_INR by lia | rewrite mult_INR | rewrite S_INR | rewrite pow_add | rewrite pow_1
               | change (INR 0) with 0 | change (INR 1) with 1 | rewrite pow_O].
Ltac constants_in H :=
  repeat first [rewrite plus_INR in H | rewrite minus_INR in H by lia | rewrite mult_INR in H | rewrite S_INR in H
               | change (INR 0) with 0 in H | change (INR 1) with 1 in H].

(* Signs: structure first, linear arithmetic at the leaves. *)
Ltac sign :=
  lazymatch goal with
  | |- _ >= _ => apply Rle_ge; sign
  | |- _ > _ => apply Rlt_gt; sign
  | |- 0 <= _ => first [assumption | solve [lra] | sign_ge]
  | |- 0 < _ => first [assumption | solve [lra] | sign_gt]
  | |- _ <= _ => solve [lra]
  | |- _ < _ => solve [lra]
  end
with sign_ge :=
  lazymatch goal with
  | |- 0 <= ?a * ?b => first [apply Rmult_le_pos; sign | solve [left; sign_gt]]
  | |- 0 <= ?a + ?b => apply Rplus_le_le_0_compat; sign
  | |- 0 <= / ?a => apply inverse_ge; sign
  | |- 0 <= ?a / ?b => unfold Rdiv; sign
  | |- 0 <= ?a ^ 2 => apply pow2_ge_0
  | |- 0 <= ?a ^ _ => apply pow_le; sign
  | |- 0 <= sqrt _ => apply sqrt_pos
  | |- 0 <= exp _ => left; apply exp_pos
  | |- 0 <= Rabs _ => apply Rabs_pos
  | |- 0 <= INR _ => apply pos_INR
  | |- 0 <= rsum _ _ _ => apply rsum_nonneg; let k := fresh "k" in intros k ?; sign
  end
with sign_gt :=
  lazymatch goal with
  | |- 0 < ?a * ?b => apply Rmult_lt_0_compat; sign
  | |- 0 < ?a + ?b => first [apply Rplus_lt_le_0_compat; sign | apply Rplus_le_lt_0_compat; sign]
  | |- 0 < / ?a => apply Rinv_0_lt_compat; sign
  | |- 0 < ?a / ?b => unfold Rdiv; sign
  | |- 0 < ?a ^ _ => apply pow_lt; sign
  | |- 0 < sqrt _ => apply sqrt_lt_R0; sign
  | |- 0 < exp _ => apply exp_pos
  | |- 0 < INR _ => apply lt_0_INR; lia
  end.

Ltac nonzero :=
  constants;
  repeat match goal with |- _ /\ _ => split end;
  repeat first [apply Rmult_integral_contrapositive_currified | apply pow_nonzero | apply Rinv_neq_0_compat];
  first [assumption | apply Rgt_not_eq; sign | apply Rlt_not_eq; solve [lra]
        | apply Rgt_not_eq; timeout 5 nra | apply Rlt_not_eq; timeout 5 nra].

(* x^(c m) as (x^m)^c for a numeral c. *)
Ltac powers :=
  repeat match goal with
  | |- context [?x ^ (S ?c * ?m * ?k)] =>
      replace (x ^ (S c * m * k)) with ((x ^ (m * k)) ^ (S c)) by (rewrite <- pow_mult; f_equal; lia)
  end.
Ltac algebra := powers; constants; first [ring | field; nonzero | unfold Rdiv; field; nonzero].

(* Derivatives of matrices that move, entry by entry, and gradients of functions of a matrix. *)
Definition mderiv {m n} (F : R -> mat m n) (t : R) (D : mat m n) : Prop :=
  forall i j, (i < m)%nat -> (j < n)%nat -> derivable_pt_lim (fun s => entry (F s) i j) t (entry D i j).

Lemma d_ext f g t v : (forall s, f s = g s) -> derivable_pt_lim g t v -> derivable_pt_lim f t v.
Proof. intros H; replace f with g; [auto|apply FunctionalExtensionality.functional_extensionality; auto]. Qed.
Lemma d_value f t v w : derivable_pt_lim f t v -> v = w -> derivable_pt_lim f t w.
Proof. intros H <-; exact H. Qed.
Lemma d_const c t : derivable_pt_lim (fun _ => c) t 0. Proof. apply derivable_pt_lim_const. Qed.
Lemma d_plus f g t a b :
  derivable_pt_lim f t a -> derivable_pt_lim g t b -> derivable_pt_lim (fun s => f s + g s) t (a + b).
Proof. apply derivable_pt_lim_plus. Qed.
Lemma d_minus f g t a b :
  derivable_pt_lim f t a -> derivable_pt_lim g t b -> derivable_pt_lim (fun s => f s - g s) t (a - b).
Proof. apply derivable_pt_lim_minus. Qed.
Lemma d_opp f t a : derivable_pt_lim f t a -> derivable_pt_lim (fun s => - f s) t (- a).
Proof. apply derivable_pt_lim_opp. Qed.
Lemma d_mult f g t a b : derivable_pt_lim f t a -> derivable_pt_lim g t b ->
  derivable_pt_lim (fun s => f s * g s) t (a * g t + f t * b).
Proof. apply derivable_pt_lim_mult. Qed.
Lemma d_rsum f f' a b t : (forall k, (a <= k < b)%nat -> derivable_pt_lim (fun s => f s k) t (f' k)) ->
  derivable_pt_lim (fun s => rsum (f s) a b) t (rsum f' a b).
Proof.
  unfold rsum; intros H.
  assert (L : forall m, (m <= b - a)%nat ->
    derivable_pt_lim (fun s => rsum_from (f s) a m) t (rsum_from f' a m)).
  { induction m as [|m IH]; intros; simpl; [apply d_const|].
    apply (d_plus (fun s => rsum_from (f s) a m) (fun s => f s (a + m)%nat)); [apply IH; lia|apply H; lia]. }
  apply L; lia.
Qed.

Lemma m_const m n (A : mat m n) t : mderiv (fun _ => A) t (mzero m n).
Proof. intros i j H K; rewrite entry_zero by assumption; apply d_const. Qed.
Lemma m_add m n (F G : R -> mat m n) t A B :
  mderiv F t A -> mderiv G t B -> mderiv (fun s => madd (F s) (G s)) t (madd A B).
Proof.
  intros U V i j H K; rewrite entry_add by assumption.
  apply (d_ext _ (fun s => entry (F s) i j + entry (G s) i j)); [intros; apply entry_add; assumption|].
  apply d_plus; auto.
Qed.
Lemma m_scal m n c (F : R -> mat m n) t A : mderiv F t A -> mderiv (fun s => mscal c (F s)) t (mscal c A).
Proof.
  intros U i j H K; rewrite entry_scal by assumption.
  apply (d_ext _ (fun s => c * entry (F s) i j)); [intros; apply entry_scal; assumption|].
  apply (d_value _ _ (0 * entry (F t) i j + c * entry A i j)); [|ring].
  apply (d_mult (fun _ => c)); [apply d_const|auto].
Qed.
Lemma m_moving m n f v (A : mat m n) t :
  derivable_pt_lim f t v -> mderiv (fun s => mscal (f s) A) t (mscal v A).
Proof.
  intros U i j H K; rewrite entry_scal by assumption.
  apply (d_ext _ (fun s => f s * entry A i j)); [intros; apply entry_scal; assumption|].
  apply (d_value _ _ (v * entry A i j + f t * 0)); [|ring].
  apply (d_mult f (fun _ => entry A i j)); [assumption|apply d_const].
Qed.
Lemma m_mt m n (F : R -> mat m n) t A : mderiv F t A -> mderiv (fun s => mt (F s)) t (mt A).
Proof.
  intros U i j H K; unfold mt; rewrite entry_mk by assumption.
  apply (d_ext _ (fun s => entry (F s) j i)); [intros; rewrite entry_mk by assumption; reflexivity|auto].
Qed.
Lemma m_mul m n p (F : R -> mat m n) (G : R -> mat n p) t A B : mderiv F t A -> mderiv G t B ->
  mderiv (fun s => mmul (F s) (G s)) t (madd (mmul A (G t)) (mmul (F t) B)).
Proof.
  intros U V i j H K; rewrite entry_add by assumption; unfold mmul; rewrite !entry_mk by assumption.
  apply (d_ext _ (fun s => rsum (fun k => entry (F s) i k * entry (G s) k j) 0 n));
    [intros; rewrite entry_mk by assumption; reflexivity|].
  rewrite <- rsum_plus; apply d_rsum; intros k [_ L].
  apply (d_mult (fun s => entry (F s) i k) (fun s => entry (G s) k j)); auto.
Qed.
Lemma d_trace n (F : R -> mat n n) t A : mderiv F t A -> derivable_pt_lim (fun s => trace (F s)) t (trace A).
Proof. intros U; unfold trace; apply d_rsum; intros k [_ L]; auto. Qed.
Lemma m_value m n (F : R -> mat m n) t A B : mderiv F t A -> A = B -> mderiv F t B.
Proof. intros H <-; exact H. Qed.

(* The derivative of an expression: one lemma for each operation. *)
Ltac moves :=
  lazymatch goal with
  | |- mderiv (fun _ => ?c) _ _ => apply m_const
  | |- mderiv (fun s => madd (@?a s) (@?b s)) _ _ => apply (m_add _ _ a b); moves
  | |- mderiv (fun s => mscal ?c (@?a s)) _ _ => apply (m_scal _ _ c a); moves
  | |- mderiv (fun s => mmul (@?a s) (@?b s)) _ _ => apply (m_mul _ _ _ a b); moves
  | |- mderiv (fun s => mt (@?a s)) _ _ => apply (m_mt _ _ a); moves
  | H : mderiv ?f ?t _ |- mderiv ?f ?t _ => exact H
  | |- derivable_pt_lim (fun _ => ?c) _ _ => apply d_const
  | |- derivable_pt_lim (fun s => trace (@?a s)) _ _ => apply (d_trace _ a); moves
  | |- derivable_pt_lim (fun s => @?f s + @?g s) _ _ => apply (d_plus f g); moves
  | |- derivable_pt_lim (fun s => @?f s - @?g s) _ _ => apply (d_minus f g); moves
  | |- derivable_pt_lim (fun s => @?f s * @?g s) _ _ => apply (d_mult f g); moves
  | |- derivable_pt_lim (fun s => - @?f s) _ _ => apply (d_opp f); moves
  | _ => match goal with H : mderiv _ _ _ |- _ => exact H end
  end.

Definition unit m n (i j : nat) : mat m n :=
  mk m n (fun a b => (if (i =? a)%nat then 1 else 0) * (if (j =? b)%nat then 1 else 0)).
Lemma trace_unit m n (A : mat m n) i j :
  (i < m)%nat -> (j < n)%nat -> trace (mmul (mt A) (unit m n i j)) = entry A i j.
Proof.
  intros H K; unfold trace, mmul.
  transitivity (rsum (fun b => (if (j =? b)%nat then 1 else 0) * entry A i b) 0 n).
  - apply rsum_ext; intros b [_ L]; rewrite entry_mk by assumption.
    rewrite <- (rsum_pick (fun a => entry A a b) i m) by assumption; rewrite <- rsum_scal.
    apply rsum_ext; intros a [_ N]; unfold mt, unit; rewrite !entry_mk by assumption; ring.
  - apply (rsum_pick (fun b => entry A i b)); assumption.
Qed.
Lemma trace_test m n (A B : mat m n) :
  (forall i j, (i < m)%nat -> (j < n)%nat ->
    trace (mmul (mt A) (unit m n i j)) = trace (mmul (mt B) (unit m n i j))) -> A = B.
Proof. intros H; apply mat_eq; intros i j U V; rewrite <- !trace_unit by assumption; auto. Qed.
Lemma unit_square m i j : (i < m)%nat -> (j < m)%nat ->
  mmul (unit m m i j) (unit m m i j) = mscal (if (i =? j)%nat then 1 else 0) (unit m m i j).
Proof.
  intros H K; apply mat_eq; intros a b U V; rewrite entry_scal by assumption; unfold mmul, unit.
  rewrite !entry_mk by assumption.
  transitivity (rsum (fun c => (if (j =? c)%nat then 1 else 0) *
    ((if (i =? a)%nat then 1 else 0) * (if (i =? c)%nat then 1 else 0) * (if (j =? b)%nat then 1 else 0))) 0 m).
  - apply rsum_ext; intros c [_ L]; rewrite !entry_mk by assumption; ring.
  - rewrite rsum_pick by assumption; ring.
Qed.

(* G is the gradient of f at X: along every differentiable curve through X, f changes at the rate <G, speed>. *)
Definition gradient {m n} (f : mat m n -> R) (X G : mat m n) : Prop :=
  forall (Y : R -> mat m n) D, Y 0 = X -> mderiv Y 0 D ->
    derivable_pt_lim (fun s => f (Y s)) 0 (trace (mmul (mt G) D)).
Lemma gradient_unique m n (f : mat m n -> R) X G G0 : gradient f X G -> gradient f X G0 -> G = G0.
Proof.
  intros A B; apply trace_test; intros i j H K.
  set (Y := fun s : R => madd X (mscal s (unit m n i j))).
  assert (S : Y 0 = X) by (unfold Y; apply mat_eq; intros; rewrite entry_add, entry_scal by assumption; ring).
  assert (M : mderiv Y 0 (unit m n i j)).
  { unfold Y; eapply m_value; [eapply m_add; [apply m_const|apply (m_moving _ _ (fun s => s)), derivable_pt_lim_id]|].
    apply mat_eq; intros; rewrite entry_add, entry_scal, entry_zero by assumption; ring. }
  exact (uniqueness_limite _ _ _ _ (A Y _ S M) (B Y _ S M)).
Qed.

(* The same for a function of X and its inverse K. *)
Definition gradient_inverse {m} (f : mat m m -> mat m m -> R) (X K G : mat m m) : Prop :=
  forall (Y Z : R -> mat m m) D, Y 0 = X -> Z 0 = K ->
    (forall s, mmul (Y s) (Z s) = mid m) -> (forall s, mmul (Z s) (Y s) = mid m) ->
    mderiv Y 0 D -> mderiv Z 0 (mscal (-1) (mmul K (mmul D K))) ->
    derivable_pt_lim (fun s => f (Y s) (Z s)) 0 (trace (mmul (mt G) D)).
Lemma bump (b : bool) : exists f g : R -> R, f 0 = 0 /\ g 0 = 0 /\
  derivable_pt_lim f 0 1 /\ derivable_pt_lim g 0 (-1) /\
  forall s, f s + g s + f s * g s * (if b then 1 else 0) = 0.
Proof.
  destruct b.
  - exists (fun s => exp s - 1), (fun s => exp (- s) - 1); repeat split.
    + rewrite exp_0; ring.
    + rewrite Ropp_0, exp_0; ring.
    + apply (d_value _ _ (1 - 0)); [|ring]; apply d_minus; [|apply d_const].
      apply (d_value _ _ (exp 0)); [apply derivable_pt_lim_exp|apply exp_0].
    + apply (d_value _ _ (exp (- 0) * -1 - 0)); [|rewrite Ropp_0, exp_0; ring].
      apply (d_minus (fun s => exp (- s))); [|apply d_const].
      apply (derivable_pt_lim_comp (fun s => - s) exp); [|apply derivable_pt_lim_exp].
      apply (d_opp (fun s => s)), derivable_pt_lim_id.
    + intros s; rewrite exp_Ropp; assert (0 < exp s) by apply exp_pos; field; lra.
  - exists (fun s => s), (fun s => - s); repeat split; try ring; try (intros; ring).
    + apply derivable_pt_lim_id.
    + apply (d_opp (fun s => s)), derivable_pt_lim_id.
Qed.
Lemma gradient_inverse_unique m (f : mat m m -> mat m m -> R) X K G G0 :
  mmul X K = mid m -> mmul K X = mid m ->
  gradient_inverse f X K G -> gradient_inverse f X K G0 -> G = G0.
Proof.
  intros XK KX A B.
  assert (XK' : forall p (W : mat m p), mmul X (mmul K W) = W).
  { intros; rewrite <- mmul_assoc, XK; apply mmul_id_l. }
  assert (KX' : forall p (W : mat m p), mmul K (mmul X W) = W).
  { intros; rewrite <- mmul_assoc, KX; apply mmul_id_l. }
  enough (T : mmul G (mt X) = mmul G0 (mt X)).
  { assert (F : forall W : mat m m, mmul (mmul W (mt X)) (mt K) = W).
    { intros; rewrite mmul_assoc, <- mt_mul, KX, mt_id; apply mmul_id_r. }
    rewrite <- (F G), <- (F G0), T; reflexivity. }
  apply trace_test; intros i j H L; set (E := unit m m i j); destruct (bump (i =? j)%nat) as (u & v & u0 & v0 & du & dv & uv).
  assert (EE : mmul E E = mscal (if (i =? j)%nat then 1 else 0) E) by (apply unit_square; assumption).
  assert (EE' : forall p (W : mat m p), mmul E (mmul E W) = mscal (if (i =? j)%nat then 1 else 0) (mmul E W)).
  { intros; rewrite <- mmul_assoc, EE, mmul_scal_l; reflexivity. }
  set (Y := fun s => madd X (mscal (u s) (mmul E X))); set (Z := fun s => madd K (mscal (v s) (mmul K E))).
  assert (Y0 : Y 0 = X) by (unfold Y; rewrite u0; apply mat_eq; intros; rewrite entry_add, entry_scal by assumption; ring).
  assert (Z0 : Z 0 = K) by (unfold Z; rewrite v0; apply mat_eq; intros; rewrite entry_add, entry_scal by assumption; ring).
  assert (YZ : forall s, mmul (Y s) (Z s) = mid m).
  { intros s; unfold Y, Z; mexpand; rewrite XK, ?XK', ?EE; mexpand; mentries.
    transitivity (entry (mid m) i0 j0 + (u s + v s + u s * v s * (if (i =? j)%nat then 1 else 0)) * entry E i0 j0);
      [ring|rewrite uv; ring]. }
  assert (ZY : forall s, mmul (Z s) (Y s) = mid m).
  { intros s; unfold Y, Z; mexpand; rewrite KX, ?EE'; mexpand; mentries.
    transitivity (entry (mid m) i0 j0 + (u s + v s + u s * v s * (if (i =? j)%nat then 1 else 0)) * entry (mmul K (mmul E X)) i0 j0);
      [ring|rewrite uv; ring]. }
  assert (MY : mderiv Y 0 (mmul E X)).
  { unfold Y; eapply m_value; [eapply m_add; [apply m_const|apply m_moving; exact du]|]; mentries; ring. }
  assert (MZ : mderiv Z 0 (mscal (-1) (mmul K (mmul (mmul E X) K)))).
  { unfold Z; eapply m_value; [eapply m_add; [apply m_const|apply m_moving; exact dv]|].
    mexpand; rewrite XK; mexpand; mentries; ring. }
  assert (U := uniqueness_limite _ _ _ _ (A Y Z _ Y0 Z0 YZ ZY MY MZ) (B Y Z _ Y0 Z0 YZ ZY MY MZ)).
  rewrite !mt_mul, !mt_mt, !mmul_assoc, (trace_turn _ _ X), (trace_turn _ _ X), !mmul_assoc; exact U.
Qed.

(* A quantity that does not change at any time >= 0. *)
Lemma stays (f : R -> R) : (forall t, 0 <= t -> derivable_pt_lim f t 0) -> forall t, 0 <= t -> f t = f 0.
Proof.
  intros H t [L|<-]; [|reflexivity].
  assert (P : forall c, 0 < c < t -> derivable_pt f c) by (intros c [? ?]; exists 0; apply H; lra).
  assert (Q : forall c, 0 < c < t -> derivable_pt id c) by (intros; apply derivable_pt_id).
  destruct (MVT f id 0 t P Q L) as (c & I & F).
  - intros c [? ?]; apply derivable_continuous_pt; exists 0; apply H; lra.
  - intros c ?; apply derivable_continuous_pt, derivable_pt_id.
  - rewrite (derive_pt_eq_0 f c 0 (P c I)) in F by (apply H; lra).
    rewrite (derive_pt_eq_0 id c 1 (Q c I)) in F by apply derivable_pt_lim_id; unfold id in F; lra.
Qed.
Lemma matrix_stays m n (F : R -> mat m n) :
  (forall t, 0 <= t -> mderiv F t (mzero m n)) -> forall t, 0 <= t -> F t = F 0.
Proof.
  intros H t L; apply mat_eq; intros i j U V; apply (stays (fun s => entry (F s) i j)); [|assumption].
  intros s K; rewrite <- (entry_zero m n i j) by assumption; apply H; assumption.
Qed.

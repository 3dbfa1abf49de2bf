(* A real inner-product space: any type with a symmetric, bilinear, positive form. *)
Variable V : Type.
Variable vzero : V.
Variable vadd : V -> V -> V.
Variable vscal : R -> V -> V.
Variable inner : V -> V -> R.
Hypothesis inner_sym : forall u v, inner u v = inner v u.
Hypothesis inner_add_l : forall u v w, inner (vadd u v) w = inner u w + inner v w.
Hypothesis inner_scal_l : forall c u v, inner (vscal c u) v = c * inner u v.
Hypothesis inner_zero_l : forall v, inner vzero v = 0.
Hypothesis inner_pos : forall u, 0 <= inner u u.

Lemma inner_add_r u v w : inner u (vadd v w) = inner u v + inner u w.
Proof. rewrite inner_sym, inner_add_l, (inner_sym v), (inner_sym w); reflexivity. Qed.
Lemma inner_scal_r c u v : inner u (vscal c v) = c * inner u v.
Proof. rewrite inner_sym, inner_scal_l, inner_sym; reflexivity. Qed.
Lemma inner_zero_r v : inner v vzero = 0.
Proof. rewrite inner_sym; apply inner_zero_l. Qed.
Lemma inner_eq a b a' b' : a = a' -> b = b' -> inner a b = inner a' b'.
Proof. intros -> ->; reflexivity. Qed.
Ltac gram :=
  repeat first [rewrite inner_add_l | rewrite inner_add_r | rewrite inner_scal_l | rewrite inner_scal_r
               | rewrite inner_zero_l | rewrite inner_zero_r].

(* Real m x n matrices, and the algebra of their sums, products, transposes and traces; everything is proved.
   Entries outside the m rows and n columns are 0, so that equal entries make equal matrices. *)
Require Import Eqdep_dec.
Require FunctionalExtensionality.
Record mat (m n : nat) := {
  entry : nat -> nat -> R;
  bounded : forall i j, (if (i <? m)%nat then if (j <? n)%nat then 0 else entry i j else entry i j) = 0
}.
Arguments entry {m n}.

Lemma mat_eq m n (A B : mat m n) :
  (forall i j, (i < m)%nat -> (j < n)%nat -> entry A i j = entry B i j) -> A = B.
Proof.
  intros H; destruct A as [a za], B as [b zb]; simpl in H.
  assert (F : a = b).
  { apply FunctionalExtensionality.functional_extensionality; intros i.
    apply FunctionalExtensionality.functional_extensionality; intros j.
    specialize (za i j); specialize (zb i j).
    destruct (Nat.ltb_spec i m), (Nat.ltb_spec j n); auto; congruence. }
  destruct F; f_equal; apply FunctionalExtensionality.functional_extensionality_dep; intros i.
  apply FunctionalExtensionality.functional_extensionality_dep; intros j.
  apply UIP_dec; exact Req_EM_T.
Qed.

Definition mk m n (f : nat -> nat -> R) : mat m n.
Proof.
  exists (fun i j => if (i <? m)%nat then if (j <? n)%nat then f i j else 0 else 0).
  intros i j; destruct (i <? m)%nat, (j <? n)%nat; reflexivity.
Defined.
Lemma entry_mk m n f i j : (i < m)%nat -> (j < n)%nat -> entry (mk m n f) i j = f i j.
Proof. intros H K; simpl; apply Nat.ltb_lt in H, K; rewrite H, K; reflexivity. Qed.

Definition madd {m n} (A B : mat m n) := mk m n (fun i j => entry A i j + entry B i j).
Definition mscal {m n} c (A : mat m n) := mk m n (fun i j => c * entry A i j).
Definition mzero m n := mk m n (fun _ _ => 0).
Definition mid n := mk n n (fun i j => if (i =? j)%nat then 1 else 0).
Definition mt {m n} (A : mat m n) := mk n m (fun i j => entry A j i).
Definition mmul {m n p} (A : mat m n) (B : mat n p) := mk m p (fun i j => rsum (fun k => entry A i k * entry B k j) 0 n).
Definition trace {n} (A : mat n n) := rsum (fun i => entry A i i) 0 n.

Lemma rsum_exchange f m n :
  rsum (fun i => rsum (fun j => f i j) 0 n) 0 m = rsum (fun j => rsum (fun i => f i j) 0 m) 0 n.
Proof.
  unfold rsum; rewrite !Nat.sub_0_r; induction m as [|m IH]; simpl.
  - induction n as [|n IH]; simpl; [|rewrite <- IH]; ring.
  - rewrite IH; clear IH; induction n as [|n IH]; simpl; [ring|rewrite <- IH; ring].
Qed.
Lemma rsum_pick f i n : (i < n)%nat -> rsum (fun k => (if (i =? k)%nat then 1 else 0) * f k) 0 n = f i.
Proof.
  intros H; rewrite (rsum_split _ 0 i n) by lia; rewrite (rsum_split _ i (i + 1) n) by lia.
  rewrite (rsum_ext _ (fun k => 0 * f k) 0 i), (rsum_ext _ (fun k => 0 * f k) (i + 1) n).
  - rewrite !rsum_scal, (rsum_last _ i) by lia; rewrite Nat.eqb_refl; ring.
  - intros k K; destruct (Nat.eqb_spec i k); [lia|ring].
  - intros k K; destruct (Nat.eqb_spec i k); [lia|ring].
Qed.
Lemma rsum_scal_r c f a b : rsum (fun k => f k * c) a b = rsum f a b * c.
Proof. rewrite Rmult_comm, <- rsum_scal; apply rsum_ext; intros; ring. Qed.

Ltac entries := apply mat_eq; intros ? ? ? ?; unfold madd, mscal, mzero, mid, mt, mmul; rewrite ?entry_mk by assumption.
Ltac inside := apply rsum_ext; intros ? [_ ?]; rewrite ?entry_mk by assumption.

Lemma entry_add m n (A B : mat m n) i j :
  (i < m)%nat -> (j < n)%nat -> entry (madd A B) i j = entry A i j + entry B i j.
Proof. intros; unfold madd; rewrite entry_mk by assumption; reflexivity. Qed.
Lemma entry_scal m n c (A : mat m n) i j : (i < m)%nat -> (j < n)%nat -> entry (mscal c A) i j = c * entry A i j.
Proof. intros; unfold mscal; rewrite entry_mk by assumption; reflexivity. Qed.
Lemma entry_zero m n i j : (i < m)%nat -> (j < n)%nat -> entry (mzero m n) i j = 0.
Proof. intros; unfold mzero; rewrite entry_mk by assumption; reflexivity. Qed.

Lemma mmul_assoc m n p q (A : mat m n) (B : mat n p) (C : mat p q) : mmul (mmul A B) C = mmul A (mmul B C).
Proof.
  entries; transitivity (rsum (fun k => rsum (fun l => entry A i l * (entry B l k * entry C k j)) 0 n) 0 p).
  - inside; rewrite <- rsum_scal_r; inside; ring.
  - rewrite rsum_exchange; inside; rewrite <- rsum_scal; inside; ring.
Qed.
Lemma mmul_add_l m n p (A B : mat m n) (C : mat n p) : mmul (madd A B) C = madd (mmul A C) (mmul B C).
Proof. entries; rewrite <- rsum_plus; inside; ring. Qed.
Lemma mmul_add_r m n p (A : mat m n) (B C : mat n p) : mmul A (madd B C) = madd (mmul A B) (mmul A C).
Proof. entries; rewrite <- rsum_plus; inside; ring. Qed.
Lemma mmul_scal_l m n p c (A : mat m n) (B : mat n p) : mmul (mscal c A) B = mscal c (mmul A B).
Proof. entries; rewrite <- rsum_scal; inside; ring. Qed.
Lemma mmul_scal_r m n p c (A : mat m n) (B : mat n p) : mmul A (mscal c B) = mscal c (mmul A B).
Proof. entries; rewrite <- rsum_scal; inside; ring. Qed.
Lemma mmul_id_l m n (A : mat m n) : mmul (mid m) A = A.
Proof. entries; rewrite <- (rsum_pick (fun k => entry A k j) i m) by assumption; inside; ring. Qed.
Lemma mmul_id_r m n (A : mat m n) : mmul A (mid n) = A.
Proof.
  entries; rewrite <- (rsum_pick (fun k => entry A i k) j n) by assumption; inside.
  rewrite (Nat.eqb_sym k j); ring.
Qed.
Lemma mmul_zero_l m n p (B : mat n p) : mmul (mzero m n) B = mzero m p.
Proof. entries; transitivity (0 * rsum (fun _ => 0) 0 n); [rewrite <- rsum_scal; inside|]; ring. Qed.
Lemma mmul_zero_r m n p (A : mat m n) : mmul A (mzero n p) = mzero m p.
Proof. entries; transitivity (0 * rsum (fun _ => 0) 0 n); [rewrite <- rsum_scal; inside|]; ring. Qed.
Lemma mt_mt m n (A : mat m n) : mt (mt A) = A. Proof. entries; reflexivity. Qed.
Lemma mt_add m n (A B : mat m n) : mt (madd A B) = madd (mt A) (mt B). Proof. entries; reflexivity. Qed.
Lemma mt_scal m n c (A : mat m n) : mt (mscal c A) = mscal c (mt A). Proof. entries; reflexivity. Qed.
Lemma mt_zero m n : mt (mzero m n) = mzero n m. Proof. entries; reflexivity. Qed.
Lemma mt_id n : mt (mid n) = mid n. Proof. entries; rewrite Nat.eqb_sym; reflexivity. Qed.
Lemma mt_mul m n p (A : mat m n) (B : mat n p) : mt (mmul A B) = mmul (mt B) (mt A).
Proof. entries; inside; ring. Qed.

Lemma trace_add n (A B : mat n n) : trace (madd A B) = trace A + trace B.
Proof. unfold trace; rewrite <- rsum_plus; apply rsum_ext; intros i [_ H]; apply entry_add; assumption. Qed.
Lemma trace_scal n c (A : mat n n) : trace (mscal c A) = c * trace A.
Proof. unfold trace; rewrite <- rsum_scal; apply rsum_ext; intros i [_ H]; apply entry_scal; assumption. Qed.
Lemma trace_zero n : trace (mzero n n) = 0.
Proof. replace (mzero n n) with (mscal 0 (mid n)); [rewrite trace_scal; ring|entries; ring]. Qed.
Lemma trace_id n : trace (mid n) = INR n.
Proof.
  unfold trace, mid; transitivity (rsum (fun _ => 1) 0 n).
  - inside; rewrite Nat.eqb_refl; reflexivity.
  - rewrite rsum_one by lia; simpl; ring.
Qed.
Lemma trace_mt n (A : mat n n) : trace (mt A) = trace A.
Proof. unfold trace, mt; inside; reflexivity. Qed.
Lemma trace_turn m n (A : mat m n) (B : mat n m) : trace (mmul A B) = trace (mmul B A).
Proof.
  unfold trace, mmul; transitivity (rsum (fun i => rsum (fun k => entry A i k * entry B k i) 0 n) 0 m); [inside; reflexivity|].
  rewrite rsum_exchange; inside; inside; ring.
Qed.
Lemma trace_cut (A B : mat 1 1) : trace (mmul A B) = trace A * trace B.
Proof. unfold trace, mmul, rsum; simpl; rewrite ?entry_mk by lia; simpl; ring. Qed.
Lemma trace_square m n (A : mat m n) : 0 <= trace (mmul A (mt A)).
Proof.
  unfold trace, mmul; apply rsum_nonneg; intros i [_ H]; rewrite entry_mk by assumption.
  apply rsum_nonneg; intros k [_ K]; unfold mt; rewrite entry_mk by assumption; nra.
Qed.
Lemma mscal_cancel m n c (A B : mat m n) : c <> 0 -> mscal c A = mscal c B -> A = B.
Proof.
  intros H F; entries; apply (Rmult_eq_reg_l c); [|assumption].
  rewrite <- !entry_scal, F by assumption; reflexivity.
Qed.
(* An equation X = Y inside longer products. *)
Lemma mmul_into m n p (X Y : mat m n) : X = Y -> forall Z : mat n p, mmul X Z = mmul Y Z.
Proof. intros ->; reflexivity. Qed.

(* A sum of multiples of products of letters, associated to the right. *)
Ltac mexpand :=
  repeat progress (
    rewrite ?mt_mul, ?mt_add, ?mt_scal, ?mt_mt, ?mt_id, ?mt_zero, ?mmul_add_l, ?mmul_add_r, ?mmul_scal_l, ?mmul_scal_r,
      ?mmul_assoc, ?mmul_id_l, ?mmul_id_r, ?mmul_zero_l, ?mmul_zero_r).
Ltac mflip := idtac. (* symmetric letters; each file says which *)
Ltac massoc := rewrite ?mmul_assoc; reflexivity.
Ltac mturn := rewrite ?mt_mul, ?mt_mt, ?mmul_assoc; mflip; rewrite ?mmul_assoc.
Ltac mentries :=
  let i := fresh "i" in let j := fresh "j" in let H := fresh in let K := fresh in
  apply mat_eq; intros i j H K;
  repeat first [rewrite entry_add by assumption | rewrite entry_scal by assumption | rewrite entry_zero by assumption].
Ltac mtraces := repeat first [rewrite trace_add | rewrite trace_scal | rewrite trace_zero | rewrite trace_id].
Ltac msym := idtac.
Ltac mring := mexpand; msym; first [reflexivity | mentries; algebra].

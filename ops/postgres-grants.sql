-- What claim_reconciler may do: no more than the statements of the program need. It can neither delete an alert nor
-- change the schema; repairs and discrepancies are deleted for the canary only. To be run by a superuser after each migration; can be run again.
-- `claim-reconciler check` names what is missing, with the statement that grants it.
grant usage on schema reconciler to claim_reconciler;
grant select on reconciler.migration to claim_reconciler;
grant select, insert on reconciler.alert_receiver to claim_reconciler;
grant select, insert, update on reconciler.alert, reconciler.alert_delivery, reconciler.brake, reconciler.checkpoint
  to claim_reconciler;
grant select, insert, delete on reconciler.horizon_sample, reconciler.lease_term, reconciler.slot to claim_reconciler;
grant select, insert, update, delete on reconciler.pass, reconciler.chunk, reconciler.report, reconciler.discrepancy,
  reconciler.repair, reconciler.canary_claim, reconciler.canary_round to claim_reconciler;

-- The claim tables: adapt what follows to yours. These are those of reconciler.config.yaml. Who owns them needs
-- `grant usage on schema reconciler` to attach the trigger.
grant usage on schema public to claim_reconciler;
grant select (id, activity_id, gift_id, uid, attempt_id, status, expires_at, change_xid) on public.gift_claim
  to claim_reconciler;
grant select (id, order_id, driver_id, status, grabbed_at, change_xid) on public.order_grab to claim_reconciler;

-- Only for a source with a `distributor`: claims in doubt are settled in the table, and a claim that was handed out and
-- never written is written. All columns are read then, since whoever grants a claim again tells the distributor of them.
grant select, insert (activity_id, gift_id, uid, attempt_id, status, expires_at), update (status) on public.gift_claim
  to claim_reconciler;

-- A pass that is dropped is looked for in the discrepancies that it found.
create index discrepancy_pass on reconciler.discrepancy (pass_id);

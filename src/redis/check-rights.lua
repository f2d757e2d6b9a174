-- Tells which commands the user of this connection may not run.
-- KEYS    none: what is asked about is not touched
-- ARGV    calls, each as the number of its words and the words: "3", "SET", "a key", "a value"
-- Returns { number of a call that would be refused, ... }, counted from 1
-- Invariant: nothing is run, read or written; a call that the server does not know counts as refused.
-- A server before 7.0 cannot be asked, and is told as too old by whoever looks at its version: so this one has no flags,
-- which such a server does not understand.
if not redis.acl_check_cmd then return {} end
local refused, count, at = {}, 0, 1
while at < #ARGV do
  local words = tonumber(ARGV[at])
  local call = {}
  for word = 1, words do call[word] = ARGV[at + word] end
  count, at = count + 1, at + words + 1
  local known, allowed = pcall(redis.acl_check_cmd, unpack(call))
  if not known or not allowed then refused[#refused + 1] = count end
end
return refused

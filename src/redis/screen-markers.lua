#!lua flags=no-writes
-- Compares a block of claims with their markers; only the suspicious come back.
-- KEYS    none: the keys are packed into the block (standalone Redis only)
-- ARGV    1 block: lines `status TAB key TAB value TAB expiry TAB xid TAB id`, as COPY writes them
--         2 now, Unix ms   3 tolerance, ms   4 "1" if values name the attempt
-- Returns { lines seen, number of a suspicious line, ... }
-- Invariant: whatever is not certainly consistent is suspicious; a failed read is suspicious, never absent.
local block, now, tolerance, named = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4] == '1'
local escapes = { b = '\b', f = '\f', n = '\n', r = '\r', t = '\t', v = '\v' }
local function unescape(text)
  if not string.find(text, '\\', 1, true) then return text end
  return (string.gsub(text, '\\(.)', function(c) return escapes[c] or c end))
end
local function suspicious(status, key, expected, expires)
  if status ~= 'g' and status ~= 'r' then return true end
  local value = redis.pcall('GET', unescape(key))
  local open = expires > now
  if not value then return status == 'g' and open end
  if type(value) == 'table' then return true end
  if expected ~= '\\N' and value ~= unescape(expected) then return status == 'g' and open end
  if status == 'r' and named then return true end
  local left = redis.call('PTTL', unescape(key))
  local agrees = left >= 0 and math.abs(left - (expires - now)) <= tolerance
  if status == 'g' then return not agrees end
  return agrees or left < 0
end
local found, lines = { 0 }, 0
for status, key, value, expires in string.gmatch(block, '(%l)\t([^\t]*)\t([^\t]*)\t(%-?%d+)\t[^\n]*\n') do
  lines = lines + 1
  if suspicious(status, key, value, tonumber(expires)) then found[#found + 1] = lines end
end
found[1] = lines
return found

#!lua flags=no-writes
-- Compares a block of claims with their markers; only the suspicious come back. Agrees with `assess`.
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
local tail = '[\128-\191]'
local leads = { '[\194-\223]', '\224[\160-\191]', '[\225-\236\238\239]' .. tail, '\237[\128-\159]',
  '\240[\144-\191]' .. tail, '[\241-\243]' .. tail .. tail, '\244[\128-\143]' .. tail }
local function is_utf8(text)
  if not string.find(text, '[\128-\255]') then return true end
  for _, lead in ipairs(leads) do text = string.gsub(text, lead .. tail, '.') end
  return not string.find(text, '[\128-\255]')
end
local function suspicious(status, key, expected, left_due)
  local value, any, open = redis.pcall('GET', key), expected == '\\N', left_due > tolerance
  if status ~= 'g' and status ~= 'r' or type(value) == 'table' then return true end
  if not value then return status == 'g' and open end
  local own = not any and value == unescape(expected)
  if not own and not is_utf8(value) then return true end
  if not own and not any then return status == 'g' and open end
  local left, sure = redis.call('PTTL', key), named and not any
  if left < 0 or status == 'r' and sure then return true end
  local agrees = math.abs(left - left_due) <= tolerance
  if status == 'r' then return agrees else return (open or sure) and not agrees end
end
local found, lines = { 0 }, 0
for status, key, value, expires in string.gmatch(block, '(%l)\t([^\t]*)\t([^\t]*)\t(%-?%d+)\t[^\n]*\n') do
  lines = lines + 1
  if suspicious(status, unescape(key), value, expires - now) then found[#found + 1] = lines end
end
found[1] = lines
return found

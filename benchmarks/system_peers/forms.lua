-- Posts forms of the calculator, each with another number: wrk -s forms.lua URL -- FIRST SECONDS
-- After SECONDS it posts no more, and only waits: when wrk ends, nothing is under way that it has not counted.
local ffi = require("ffi")
ffi.cdef("typedef struct { long s; long us; } moment; int gettimeofday(moment *now, void *zone);")
local moment = ffi.new("moment")

local function now()
  ffi.C.gettimeofday(moment, nil)
  return tonumber(moment.s) + tonumber(moment.us) / 1e6
end

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(words)
  number, seconds, sent, stop = tonumber(words[1]), tonumber(words[2]), 0, 0
  form = "POST " .. wrk.path .. "?%d HTTP/1.1\r\nHost: " .. wrk.headers["Host"] ..
    "\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s"
end

function delay()
  if stop == 0 then stop, sent = now() + seconds, 0 end -- wrk has asked for a request before, to look at it
  return now() < stop and 0 or 3600000
end

function request()
  local body = string.format("first=%d&second=1", number + sent)
  sent = sent + 1
  return string.format(form, number + sent - 1, #body, body)
end

function done(summary, latency)
  local sent, errors = 0, summary.errors
  for _, thread in ipairs(threads) do sent = sent + thread:get("sent") end
  print(string.format(
    '{"sent": %d, "answered": %d, "not 2xx": %d, "broken": %d, "late": %d, "p50": %f, "p99": %f, "stop": %f}',
    sent, summary.requests, errors.status, errors.connect + errors.read + errors.write, errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, threads[1]:get("stop")))
end

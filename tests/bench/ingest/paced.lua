-- wrk script: POST the records of a body file once each, in turn, at a fixed rate.
--   wrk -t1 ... -s paced.lua URL -- BODYFILE REQUESTS_PER_SECOND
-- Ends with the line of post.lua. Give it more records than it can send: after the last one it starts again.

local ffi = require "ffi"
ffi.cdef [[
typedef struct { long seconds; long nanoseconds; } pace_time;
int clock_gettime(int clock, pace_time *now);
]]
local CLOCK_MONOTONIC = 1
local now_buffer = ffi.new("pace_time")

local threads = {}
local requests = {}
local sent, scheduled = 0, 0
local started
local rate
non_2xx = 0

local function now_ms()
  ffi.C.clock_gettime(CLOCK_MONOTONIC, now_buffer)
  return tonumber(now_buffer.seconds) * 1000 + tonumber(now_buffer.nanoseconds) / 1e6
end

function setup(thread) threads[#threads + 1] = thread end

function init(args)
  local file = assert(io.open(args[1], "rb"))
  rate = tonumber(args[2])
  for sizes in function() return file:read("*l") end do
    local signature_bytes, body_bytes = sizes:match("^(%d+) (%d+)$")
    local signature, body = file:read(tonumber(signature_bytes)), file:read(tonumber(body_bytes))
    local headers = {["Content-Type"] = "application/json", ["Authorization"] = signature}
    if body:sub(1, 2) == "\31\139" then headers["Content-Encoding"] = "gzip" end
    requests[#requests + 1] = wrk.format("POST", nil, headers, body)
  end
  file:close()
end

function delay()
  started = started or now_ms()
  scheduled = scheduled + 1
  local due = started + scheduled * 1000 / rate
  return math.max(0, due - now_ms())
end

function request()
  sent = sent + 1
  return requests[(sent - 1) % #requests + 1]
end

function response(status, headers, body)
  if status >= 200 and status < 300 then return end
  non_2xx = non_2xx + 1
  if non_2xx == 1 then io.stderr:write("status ", status, ": ", body:sub(1, 300), "\n") end
end

function done(summary, latency)
  local refused = 0
  for _, thread in ipairs(threads) do refused = refused + thread:get("non_2xx") end
  local e = summary.errors
  print(string.format("RESULT %d %d %d %d %d %d", summary.requests, summary.duration, refused,
    e.connect + e.read + e.write + e.timeout, latency:percentile(50), latency:percentile(99)))
end

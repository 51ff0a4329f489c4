-- wrk with a `{n}` (as URLs write it, %7Bn%7D) in the path standing for 1, 2, 3 ... in turn, and its figures as one line of JSON.
local number = 0

function init(arguments)
   before, after = wrk.path:match("^(.*)%%7Bn%%7D(.*)$")
   if before then
      request = function()
         number = number + 1
         return wrk.format("GET", before .. number .. after)
      end
   end
end

function done(summary, latency)
   local errors = summary.errors
   io.write(string.format(
      '{"requests": %d, "seconds": %.6f, "failed": %d, "p50_ms": %.3f, "p99_ms": %.3f, "max_ms": %.3f}\n',
      summary.requests, summary.duration / 1e6,
      errors.connect + errors.read + errors.write + errors.status + errors.timeout,
      latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3))
end

"""What happens in Redis at one stroke, in Lua.

Those of consumers begin with a command that frees or prolongs something: from then on Redis lets a script write even
when its memory is full, in which state consumers are needed most.
"""

import hashlib


class Script:
    """Redis knows it by its hash, once it has seen it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


# Keys: requests. Arguments: how many may wait there, then messages. Returns how many of them it has taken.
PUSH = Script("""
local count = math.min(ARGV[1] - redis.call('LLEN', KEYS[1]), #ARGV - 1)
if count < 1 then return 0 end
redis.call('LPUSH', KEYS[1], unpack(ARGV, 2, count + 1))
return count
""")

# Keys: lease, consumers. Arguments: milliseconds of the lease, the consumer.
LIVE = Script("""
redis.call('SREM', KEYS[2], '')
redis.call('SET', KEYS[1], 1, 'PX', ARGV[1])
redis.call('SADD', KEYS[2], ARGV[2])
""")

# Keys: requests, later, work, lease, consumers. Arguments: how many, the time, milliseconds of the lease, the consumer.
# What is due again goes to the front first. Returns what is taken, and when the next is due.
TAKE = Script("""
redis.call('SREM', KEYS[5], '')
redis.call('SET', KEYS[4], 1, 'PX', ARGV[3])
redis.call('SADD', KEYS[5], ARGV[4])
local due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[2], 'LIMIT', 0, ARGV[1])
for i = #due, 1, -1 do
  redis.call('ZREM', KEYS[2], due[i])
  redis.call('RPUSH', KEYS[1], due[i])
end
local taken = redis.call('RPOP', KEYS[1], ARGV[1]) or {}
if #taken > 0 then redis.call('LPUSH', KEYS[3], unpack(taken)) end
return {taken, redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2] or ''}
""")

# Keys: work, requests, later, dead. Arguments: how many dead are kept, seconds that answers are kept; then, for each
# message, four: what to do, the message as it was taken, what to write, and when (later) or where to (answer).
# One that another consumer has taken over meanwhile is not put anywhere a second time.
SETTLE = Script("""
redis.call('LREM', KEYS[1], 1, '')
for i = 3, #ARGV, 4 do
  local act, taken, text, place = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local mine = redis.call('LREM', KEYS[1], -1, taken) > 0
  if act == 'answer' then
    redis.call('LPUSH', place, text)
    redis.call('EXPIRE', place, ARGV[2])
  elseif mine and act == 'back' then
    redis.call('RPUSH', KEYS[2], text)
  elseif mine and act == 'later' then
    redis.call('ZADD', KEYS[3], place, text)
  elseif mine and act == 'dead' then
    redis.call('LPUSH', KEYS[4], text)
    redis.call('LTRIM', KEYS[4], 0, ARGV[1] - 1)
  end
end
""")

# Keys: consumers, work. Arguments: the prefixes of work and lease, the consumer.
# Takes over what consumers that are dead had in work, and returns it, the next to be handled last.
ADOPT = Script("""
redis.call('SREM', KEYS[1], '')
local found = {}
for _, other in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  if other ~= ARGV[3] and redis.call('EXISTS', ARGV[2] .. other) == 0 then
    for _, taken in ipairs(redis.call('LRANGE', ARGV[1] .. other, 0, -1)) do
      redis.call('LPUSH', KEYS[2], taken)
      table.insert(found, taken)
    end
    redis.call('DEL', ARGV[1] .. other)
    redis.call('SREM', KEYS[1], other)
  end
end
return found
""")

# Keys: work, requests, lease, consumers. Arguments: the consumer. Hands back what it has in work.
LEAVE = Script("""
redis.call('DEL', KEYS[3])
redis.call('SREM', KEYS[4], ARGV[1])
for _, taken in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
  redis.call('RPUSH', KEYS[2], taken)
end
redis.call('DEL', KEYS[1])
""")

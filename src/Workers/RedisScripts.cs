namespace QuantCluster.Workers;

/// <summary>What must happen in Redis in one step. Time is always Redis's own: clocks of machines are never compared.</summary>
internal static class RedisScripts
{
    /// <summary>KEYS items, results, run; ARGV entry, header, bytes, lifetime ms. The item leaves the stream as its result enters the other: it is always in one of them.</summary>
    public const string Finish =
        """
        redis.call('XACK', KEYS[1], 'workers', ARGV[1])
        redis.call('XDEL', KEYS[1], ARGV[1])
        if redis.call('EXISTS', KEYS[3]) == 0 then return 0 end
        redis.call('XADD', KEYS[2], '*', 'h', ARGV[2], 'b', ARGV[3])
        redis.call('PEXPIRE', KEYS[2], ARGV[4])
        return 1
        """;

    /// <summary>KEYS items; ARGV entry, message. Puts an item back at the end of the stream, changed; unless it is not the reader's any more.</summary>
    public const string HandOn =
        """
        if redis.call('XACK', KEYS[1], 'workers', ARGV[1]) == 0 then return 0 end
        redis.call('XDEL', KEYS[1], ARGV[1])
        redis.call('XADD', KEYS[1], '*', 'm', ARGV[2])
        return 1
        """;

    /// <summary>KEYS active; ARGV member. Says that a job has items to do.</summary>
    public const string Activate =
        """
        local t = redis.call('TIME')
        redis.call('ZADD', KEYS[1], t[1] * 1000 + math.floor(t[2] / 1000), ARGV[1])
        return 1
        """;

    /// <summary>KEYS active; ARGV lifetime ms. The jobs with items to do; those not heard of for a lifetime go.</summary>
    public const string Active =
        """
        local t = redis.call('TIME')
        redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', t[1] * 1000 + math.floor(t[2] / 1000) - ARGV[1])
        return redis.call('ZRANGE', KEYS[1], 0, -1)
        """;

    /// <summary>KEYS lease; ARGV holder, lifetime ms. Takes or renews a lease: 1 where it is the holder's now.</summary>
    public const string Hold =
        """
        local holder = redis.call('GET', KEYS[1])
        if holder == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) return 1 end
        if holder then return 0 end
        redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
        return 1
        """;

    /// <summary>KEYS lease; ARGV holder. Gives a lease up, if it is still the holder's.</summary>
    public const string Release =
        """
        if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
        return 0
        """;
}

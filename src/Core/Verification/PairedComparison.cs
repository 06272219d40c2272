namespace QuantCluster.Verification;

/// <summary>
/// Whether two models that answered the same records really differ. Constant memory: a Poisson bootstrap keeps the sums of
/// its replicates instead of the records (Chamandy et al., "Estimating Uncertainty for Massive Data Streams", 2012),
/// and McNemar's exact test needs two counts. The replicates are drawn from record indices, so results repeat.
/// </summary>
public sealed class PairedComparison(ITaskMetric metric)
{
    private const int Replicates = 2000;

    private readonly double[] _reference = new double[Replicates];
    private readonly double[] _quantized = new double[Replicates];
    private readonly double[] _count = new double[Replicates];
    private double _referenceTotal, _quantizedTotal, _totalCount;
    private long _onlyReference, _onlyQuantized;

    /// <summary>Records added.</summary>
    public long Records { get; private set; }

    /// <summary>Adds the next record; the order of calls decides its index.</summary>
    public void Add(TaskOutcome reference, TaskOutcome quantized)
    {
        _referenceTotal += reference.Total;
        _quantizedTotal += quantized.Total;
        _totalCount += reference.Count;
        if (reference.Total > quantized.Total)
            _onlyReference++;
        else if (reference.Total < quantized.Total)
            _onlyQuantized++;

        ulong bits = 0;
        for (int replicate = 0; replicate < Replicates; replicate++)
        {
            if (replicate % 4 == 0)
                bits = Mix(((ulong)Records * 0x9E3779B97F4A7C15) ^ ((ulong)replicate << 32));
            int weight = PoissonOne((uint)(bits & 0xFFFF));
            bits >>= 16;
            _reference[replicate] += weight * reference.Total;
            _quantized[replicate] += weight * quantized.Total;
            _count[replicate] += weight * reference.Count;
        }

        Records++;
    }

    public TaskResult Result()
    {
        double reference = metric.Score(_referenceTotal, _totalCount), quantized = metric.Score(_quantizedTotal, _totalCount);
        double[] drops = [.. Enumerable.Range(0, Replicates).Where(i => _count[i] > 0)
            .Select(i => metric.Drop(metric.Score(_reference[i], _count[i]), metric.Score(_quantized[i], _count[i]))).Order()];
        double low = Quantile(drops, 0.025), high = Quantile(drops, 0.975);
        double? p = metric.IsBinary ? ExactMcNemar(_onlyReference, _onlyQuantized) : null;
        return new TaskResult
        {
            Name = metric.Name,
            Title = metric.Title,
            Unit = metric.Unit,
            DropUnit = metric.DropUnit,
            Records = Records,
            Reference = reference,
            Quantized = quantized,
            Drop = metric.Drop(reference, quantized),
            DropLow = low,
            DropHigh = high,
            OnlyReference = _onlyReference,
            OnlyQuantized = _onlyQuantized,
            PValue = p,
            IsSignificant = p is { } value ? value < 0.05 : low > 0 || high < 0,
        };
    }

    /// <summary>
    /// Two-sided exact p of McNemar's test: the chance that fair coins split <paramref name="b"/> + <paramref name="c"/>
    /// discordant records at least as unevenly; 1 where none are discordant.
    /// </summary>
    public static double ExactMcNemar(long b, long c)
    {
        long n = b + c, k = Math.Min(b, c);
        // ln C(n, i) grows by ln((n − i)/(i + 1)); the sum in logarithms never underflows.
        double term = -n * Math.Log(2), sum = 0;
        for (long i = 0; i <= k; i++)
        {
            sum += Math.Exp(term);
            term += Math.Log((double)(n - i) / (i + 1));
        }

        return Math.Min(1, 2 * sum);
    }

    /// <summary>Linear interpolation between order statistics.</summary>
    internal static double Quantile(double[] sorted, double q)
    {
        if (sorted.Length == 0)
            return double.NaN;
        double at = q * (sorted.Length - 1);
        int below = (int)at;
        int above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + ((at - below) * (sorted[above] - sorted[below]));
    }

    /// <summary>Inverse of the Poisson(1) distribution function, at 16 bits.</summary>
    private static int PoissonOne(uint u) => u switch
    {
        < 24109 => 0, // 65536·e⁻¹
        < 48219 => 1,
        < 60273 => 2,
        < 64291 => 3,
        < 65296 => 4,
        < 65497 => 5,
        < 65531 => 6,
        _ => 7,
    };

    /// <summary>SplitMix64's finalizer (Steele, Lea, Flood 2014).</summary>
    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}

using System.CommandLine;
using QuantCluster.Corrections;
using QuantCluster.Jobs;
using QuantCluster.Search;

namespace QuantCluster.Client.Commands;

/// <summary>The options of <c>quant run</c> that say how to search.</summary>
internal static class SearchOptions
{
    public static Option<string> Effort { get; } = Choice("--effort", "How hard to search for the best precision, ranges and corrections of each layer: not at all (fast), a minute or a few (balanced), or along every order (thorough).", "fast", "balanced", "thorough");

    public static Option<string> Objective { get; } = Choice("--objective", "What the search makes small: KL divergence where the output is a softmax and relative squared error elsewhere (auto), one of these, the angle (cosine), or what the task metric falls.", "auto", "kl", "sqnr", "cosine", "task");

    public static Option<string?> Budget { get; } = new("--budget") { HelpName = "TIME", Description = "Search for about this long, e.g. 90s, 5m, 1h." };

    public static Option<int?> Trials { get; } = CountOption.Create("--trials", "Search with N trials at most. The same number gives the same bytes.");

    public static Option<int?> Beam { get; } = CountOption.Create("--beam", "Walk also a beam of N prefixes, each step trying several next layers for each and keeping the N of least error. Thorough has one of 3.");

    public static Option<string> Slowdown { get; } = LimitOption.Create("--slowdown", "N%", "How much of its speed the search may give up for accuracy, by estimate: layers go back to float as long as the model gets at most so much slower than with every layer on integers. Default: 2%.");

    /// <summary>Null where no search is asked for.</summary>
    /// <exception cref="QuantException">The options contradict each other.</exception>
    public static SearchSettings? Read(ParseResult parsed, JobSettings settings)
    {
        SearchEffort effort = Enum.Parse<SearchEffort>(parsed.GetValue(Effort)!, ignoreCase: true);
        double? seconds = parsed.GetValue(Budget) is { } text ? TimeSpans.Seconds(text, "--budget") : null;
        if (effort == SearchEffort.Fast)
        {
            return seconds is null && parsed.GetValue(Trials) is null && parsed.GetValue(Beam) is null && parsed.GetValue(Slowdown) is null ? null
                : throw new QuantException(ExitCode.Usage, "--budget, --trials, --beam and --slowdown are about a search, and --effort fast does none: give --effort balanced or thorough.");
        }

        return new SearchSettings
        {
            Effort = effort,
            Objective = parsed.GetValue(Objective)!,
            Seconds = seconds,
            Trials = parsed.GetValue(Trials),
            Beam = parsed.GetValue(Beam),
            Slowdown = LimitOption.ReadShare(parsed.GetValue(Slowdown), "--slowdown", "2%") ?? SearchSettings.DefaultSlowdown,
            Corrections = settings.Correct switch
            {
                CorrectionMode.None => LayerCorrection.None,
                CorrectionMode.Bias => LayerCorrection.Bias,
                _ => LayerCorrection.Rounding | LayerCorrection.Bias,
            },
        };
    }

    private static Option<string> Choice(string name, string description, params string[] values)
    {
        Option<string> option = new(name) { Description = description, DefaultValueFactory = _ => values[0], HelpName = string.Join('|', values) };
        option.AcceptOnlyFromAmong(values);
        return option;
    }
}

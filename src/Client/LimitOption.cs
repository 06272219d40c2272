using System.CommandLine;
using QuantCluster.Search.Frontier;

namespace QuantCluster.Client;

/// <summary>An option that takes an amount with a unit, or a percentage of the float model's.</summary>
internal static class LimitOption
{
    public static Option<string> Create(string name, string helpName, string description, params string[] units)
    {
        Option<string> option = new(name) { HelpName = helpName, Description = description };
        option.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && Limit.Parse(token.Value, units) is null)
                result.AddError(units.Length == 0
                    ? $"{name} needs a percentage above 0%, not '{token.Value}'."
                    : $"{name} needs a number above 0, with {string.Join(", ", units)} or %, not '{token.Value}'.");
        });
        return option;
    }

    /// <returns>Null where it is not given.</returns>
    public static Limit? Read(string? text, params string[] units) => text is null ? null : Limit.Parse(text, units);

    /// <summary>Of an option that takes a percentage and nothing else.</summary>
    /// <param name="text">As it was given.</param>
    /// <param name="name">The option's.</param>
    /// <param name="example">For the message.</param>
    /// <returns>The share: 0.02 for <c>2%</c>. Null where it is not given.</returns>
    /// <exception cref="QuantException">It is no percentage (<see cref="ExitCode.Usage"/>).</exception>
    public static double? ReadShare(string? text, string name, string example) => Read(text) switch
    {
        null => null,
        { IsShare: true } share => share.Value,
        _ => throw new QuantException(ExitCode.Usage, $"{name} needs a percentage, like {example}."),
    };
}

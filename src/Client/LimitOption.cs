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
                result.AddError($"{name} needs a number above 0, with {string.Join(", ", units)} or %, not '{token.Value}'.");
        });
        return option;
    }

    /// <returns>Null where it is not given.</returns>
    public static Limit? Read(string? text, params string[] units) => text is null ? null : Limit.Parse(text, units);
}

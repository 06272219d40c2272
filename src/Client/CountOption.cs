using System.CommandLine;

namespace QuantCluster.Client;

/// <summary>An option that takes a whole number of at least 1.</summary>
internal static class CountOption
{
    /// <returns>Null where it is not given.</returns>
    public static Option<int?> Create(string name, string description)
    {
        Option<int?> option = new(name) { HelpName = "N", Description = description };
        option.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && (!int.TryParse(token.Value, out int value) || value < 1))
                result.AddError($"{name} needs a whole number of at least 1, not '{token.Value}'.");
        });
        return option;
    }
}

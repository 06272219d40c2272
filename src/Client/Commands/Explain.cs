using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using QuantCluster.Numerics;

namespace QuantCluster.Client.Commands;

/// <summary><c>quant explain -- MIN MAX --values X...</c>: the affine mapping of a range, taught with its own numbers.</summary>
internal static class Explain
{
    public static Command Create()
    {
        Argument<string[]> range = new("range") { HelpName = "MIN MAX", Description = "The least and the greatest real value: MIN MAX. Write '--' before a negative one; options may follow.", Arity = ArgumentArity.ZeroOrMore };
        Option<string[]> values = new("--values") { HelpName = "X ...", Description = "Real values to take there and back.", AllowMultipleArgumentsPerToken = true };
        Option<string> type = new("--type") { HelpName = "TYPE", Description = "int8, uint8, int4, uint4, int16 or uint16.", DefaultValueFactory = _ => "int8" };
        Option<bool> symmetric = new("--symmetric") { Description = "Zero point 0, as weights have." };
        Option<bool> json = new("--json") { Description = "One JSON object instead of tables." };
        Command command = new("explain", "Teaches the mapping of a range to integers: scale, zero point, each value's way there and back, and its FP16 bits.")
        {
            range, values, type, symmetric, json,
        };
        command.SetAction(parsed =>
        {
            ExplainRequest request = ExplainRequest.From(
                parsed.GetValue(range) ?? [], parsed.GetValue(values) ?? [], parsed.GetValue(type)!, parsed.GetValue(symmetric), parsed.GetValue(json));
            if (request.Json)
                Console.WriteLine(ToJson(request));
            else
                ExplainScreen.Show(request);
            return (int)ExitCode.Success;
        });
        return command;
    }

    private static string ToJson(ExplainRequest request)
    {
        AffineMapping mapping = request.Mapping;
        JsonArray values = [];
        foreach (float value in request.Values)
        {
            int quantized = mapping.Quantize(value);
            float back = mapping.Dequantize(quantized);
            ushort bits = SixteenBitFormat.Fp16.Encode(value);
            SixteenBitFields fields = SixteenBitFormat.Fp16.Fields(bits);
            float half = SixteenBitFormat.Fp16.Decode(bits);
            values.Add(new JsonObject
            {
                ["value"] = value,
                ["quantized"] = quantized,
                ["dequantized"] = back,
                ["error"] = back - value,
                ["fp16"] = new JsonObject
                {
                    ["bits"] = ExplainScreen.Bits(bits),
                    ["sign"] = fields.Negative ? 1 : 0,
                    ["exponent"] = fields.Exponent,
                    ["mantissa"] = fields.Mantissa,
                    // JSON has no infinity: a value that overflows FP16 is null.
                    ["value"] = float.IsFinite(half) ? half : null,
                },
            });
        }

        JsonObject explained = new()
        {
            ["range"] = new JsonArray(request.Range.Minimum, request.Range.Maximum),
            ["type"] = request.Type.ToString().ToUpperInvariant(),
            ["symmetric"] = request.Symmetric,
            ["qmin"] = request.Type.Minimum(),
            ["qmax"] = request.Type.Maximum(),
            ["scale"] = mapping.Scale,
            ["zero_point"] = mapping.ZeroPoint,
            ["values"] = values,
        };
        return explained.ToJsonString(new JsonSerializerOptions { WriteIndented = true });
    }
}

/// <summary>What was asked: from proper options and from what stands after <c>--</c>, where the parser sees plain arguments only.</summary>
internal sealed record ExplainRequest(RealRange Range, IReadOnlyList<float> Values, IntegerType Type, bool Symmetric, bool Json)
{
    public AffineMapping Mapping => AffineMapping.FromRange(Range, Type, Symmetric);

    public static ExplainRequest From(string[] arguments, string[] values, string type, bool symmetric, bool json)
    {
        List<double> ends = [];
        List<double> reals = [.. values.Select(Real)];
        List<double> into = ends;
        for (int i = 0; i < arguments.Length; i++)
        {
            switch (arguments[i])
            {
                case "--values":
                    into = reals;
                    break;
                case "--type":
                    type = ++i < arguments.Length ? arguments[i] : throw Usage("--type needs a type after it, e.g. uint8.");
                    break;
                case "--symmetric":
                    symmetric = true;
                    break;
                case "--json":
                    json = true;
                    break;
                default:
                    into.Add(Real(arguments[i]));
                    break;
            }
        }

        if (ends.Count == 0 && reals.Count > 0)
            ends = [reals.Min(), reals.Max()];
        if (ends.Count != 2)
            throw Usage($"a range has two ends, here are {ends.Count}. For example: quant explain -- -1 2 --values -0.8 0.5 1.5");
        if (ends[0] > ends[1])
            throw Usage($"the range [{ends[0]:R}, {ends[1]:R}] is inverted: write the least value first.");
        if (reals.Count == 0)
            reals = [.. new[] { ends[0], 0, (ends[0] + ends[1]) / 2, ends[1] }.Distinct()];
        IntegerType integers = Parse(type);
        if (symmetric && !integers.IsSigned())
            throw Usage($"--symmetric needs a signed type (int8, int4, int16), not {type}.");
        return new ExplainRequest(new RealRange(ends[0], ends[1]), [.. reals.Select(v => (float)v)], integers, symmetric, json);
    }

    private static IntegerType Parse(string type) => type.ToLowerInvariant() switch
    {
        "int8" => IntegerType.Int8,
        "uint8" => IntegerType.UInt8,
        "int4" => IntegerType.Int4,
        "uint4" => IntegerType.UInt4,
        "int16" => IntegerType.Int16,
        "uint16" => IntegerType.UInt16,
        _ => throw Usage($"'{type}' is no integer type; choose int8, uint8, int4, uint4, int16 or uint16."),
    };

    private static double Real(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && float.IsFinite((float)value)
            ? value
            : throw Usage($"'{text}' is no finite float32 number. Write numbers like -0.8 or 1e-3.");

    private static QuantException Usage(string message) => new(ExitCode.Usage, message);
}

using QuantCluster.Corrections;

namespace QuantCluster.Tests.Corrections;

public class RoundingRefinementTests
{
    [Fact]
    public void No_single_step_lowers_the_output_error_any_further()
    {
        const int Columns = 9, Rows = 5;
        Random random = new(3);
        double[] hessian = new double[Columns * Columns];
        for (int sample = 0; sample < 40; sample++)
        {
            double common = random.NextDouble();
            double[] x = [.. Enumerable.Range(0, Columns).Select(_ => common + (0.3 * random.NextDouble()))];
            for (int i = 0; i < hessian.Length; i++)
                hessian[i] += x[i / Columns] * x[i % Columns];
        }

        float[] steps = [.. Enumerable.Range(0, Rows * Columns).Select(_ => (float)((random.NextDouble() * 16) - 8))];
        sbyte[] nearest = [.. steps.Select(s => (sbyte)Math.Clamp(MathF.Round(s), -7, 7))], refined = [.. nearest];
        RoundingRefinement.Refine(hessian, Columns, steps, refined, 7, 1);
        Assert.All(refined, r => Assert.InRange(r, (sbyte)-7, (sbyte)7));
        for (int row = 0; row < Rows; row++)
        {
            double error = Error(hessian, steps, refined, row);
            Assert.True(error <= Error(hessian, steps, nearest, row));
            for (int k = 0; k < Columns; k++)
            {
                foreach (sbyte move in (sbyte[])[-1, 1])
                {
                    sbyte[] other = [.. refined];
                    other[(row * Columns) + k] += move;
                    Assert.True(Math.Abs(other[(row * Columns) + k]) > 7 || Error(hessian, steps, other, row) > error * (1 - 1e-6));
                }
            }
        }
    }

    private static double Error(double[] hessian, float[] steps, sbyte[] integers, int row)
    {
        const int Columns = 9;
        double sum = 0;
        for (int i = 0; i < Columns; i++)
        {
            for (int j = 0; j < Columns; j++)
                sum += ((double)steps[(row * Columns) + i] - integers[(row * Columns) + i]) * hessian[(i * Columns) + j] * ((double)steps[(row * Columns) + j] - integers[(row * Columns) + j]);
        }

        return sum;
    }
}

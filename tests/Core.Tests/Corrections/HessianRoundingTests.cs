using FsCheck;
using FsCheck.Fluent;
using QuantCluster.Corrections;

namespace QuantCluster.Tests.Corrections;

public class HessianRoundingTests
{
    [Fact]
    public void What_one_weight_is_rounded_down_the_next_is_rounded_up()
    {
        // Two inputs that are always equal: only the sum of the weights counts, and nearest loses 0.8.
        sbyte[] rounded = HessianRounding.Round([1, 1, 1, 1], 2, [0.4f, 0.4f], [0, 0], 127, 1);
        Assert.Equal(1, rounded[0] + rounded[1]);
    }

    [Fact]
    public void Inputs_that_have_nothing_in_common_are_rounded_to_nearest()
    {
        sbyte[] rounded = HessianRounding.Round([4, 0, 0, 0, 9, 0, 0, 0, 2], 3, [0.4f, -1.6f, 2.2f], [0, -2, 2], 127, 1);
        Assert.Equal<sbyte>([0, -2, 2], rounded);
    }

    [Fact]
    public void Inputs_that_are_always_zero_leave_the_integers_as_they_are()
    {
        Assert.Equal<sbyte>([5, -7], HessianRounding.Round(new double[4], 2, [0.4f, -1.6f], [5, -7], 127, 1));
        // Only the second input is ever there: the first weight has no say.
        Assert.Equal(-2, HessianRounding.Round([0, 0, 0, 3], 2, [0.4f, -1.6f], [0, -2], 127, 1)[1]);
    }

    [Fact]
    public void Integers_stay_within_the_limit() => Holds((hessian, columns, steps) =>
    {
        float[] large = [.. steps.Select(s => s * 40)];
        sbyte[] nearest = Nearest(large, 7);
        return HessianRounding.Round(hessian, columns, large, nearest, 7, 1).All(q => Math.Abs(q) <= 7);
    });

    [Fact]
    public void No_channel_is_worse_than_nearest() => Holds((hessian, columns, steps) =>
    {
        sbyte[] nearest = Nearest(steps, 127);
        sbyte[] rounded = HessianRounding.Round(hessian, columns, steps, nearest, 127, 2);
        return Enumerable.Range(0, steps.Length / columns).All(row =>
        {
            double before = Energy(hessian, Errors(steps, nearest, row, columns));
            return Energy(hessian, Errors(steps, rounded, row, columns)) <= before * (1 + 1e-4);
        });
    });

    [Fact]
    public void Against_all_roundings_of_a_few_weights_it_is_near_the_best()
    {
        const int Columns = 5, Trials = 200;
        double best = 0, ours = 0, nearest = 0;
        for (int seed = 0; seed < Trials; seed++)
        {
            (double[] hessian, float[] steps) = Case(seed, Columns, 1);
            sbyte[] plain = Nearest(steps, 127);
            double least = double.PositiveInfinity;
            for (int choice = 0; choice < 1 << Columns; choice++)
            {
                double[] errors = [.. steps.Select((s, i) => s - Math.Floor(s) - ((choice >> i) & 1))];
                least = Math.Min(least, Energy(hessian, errors));
            }

            double found = Energy(hessian, Errors(steps, HessianRounding.Round(hessian, Columns, steps, plain, 127, 1), 0, Columns));
            best += least;
            ours += found;
            nearest += Energy(hessian, Errors(steps, plain, 0, Columns));
        }

        // Columns one after the other cannot always find the best of all 2^5, but most of what there is to gain.
        Assert.True(nearest - ours > 0.8 * (nearest - best), $"nearest {nearest}, Hessian-aware {ours}, best of all {best}");
    }

    /// <summary>
    /// The definition, by brute force: after each column is rounded, the weights still free are set to what makes the
    /// output error least, by solving the normal equations anew.
    /// </summary>
    [Fact]
    public void Every_column_takes_up_the_errors_of_all_before_it()
    {
        for (int seed = 0; seed < 60; seed++)
        {
            int columns = 2 + (seed % 7);
            (double[] hessian, float[] steps) = Case(seed, columns, 1);
            sbyte[] expected = BruteForce(hessian, columns, steps), nearest = Nearest(steps, 127);
            double damping = 0.01 * Enumerable.Range(0, columns).Average(i => hessian[(i * columns) + i]);
            double found = Energy(hessian, Errors(steps, expected, 0, columns)), plain = Energy(hessian, Errors(steps, nearest, 0, columns));
            if (Math.Abs(found - plain) > damping * 1e-3)
                Assert.Equal(found < plain ? expected : nearest, HessianRounding.Round(hessian, columns, steps, nearest, 127, 1));
        }
    }

    [Fact]
    public void Many_channels_and_threads_give_the_same_as_one_at_a_time()
    {
        const int Columns = 37, Rows = 150;
        (double[] hessian, float[] steps) = Case(1, Columns, Rows);
        sbyte[] nearest = Nearest(steps, 127);
        sbyte[] together = HessianRounding.Round(hessian, Columns, steps, nearest, 127, 3);
        for (int row = 0; row < Rows; row++)
        {
            Range own = (row * Columns)..((row + 1) * Columns);
            Assert.Equal(HessianRounding.Round(hessian, Columns, steps[own], nearest[own], 127, 1), together[own]);
        }

        Assert.NotEqual(nearest, together);
    }

    /// <summary>e·H·eᵀ.</summary>
    internal static double Energy(double[] hessian, double[] errors)
    {
        double sum = 0;
        for (int i = 0; i < errors.Length; i++)
        {
            for (int j = 0; j < errors.Length; j++)
                sum += errors[i] * hessian[(i * errors.Length) + j] * errors[j];
        }

        return sum;
    }

    private static sbyte[] BruteForce(double[] hessian, int columns, float[] steps)
    {
        double damping = 0.01 * Enumerable.Range(0, columns).Average(i => hessian[(i * columns) + i]);
        double Damped(int i, int j) => hessian[(i * columns) + j] + (i == j ? damping : 0);
        int[] order = [.. Enumerable.Range(0, columns).OrderByDescending(i => Damped(i, i))];
        double[] errors = new double[columns];
        sbyte[] rounded = new sbyte[columns];
        for (int k = 0; k < columns; k++)
        {
            // Free errors f minimise (e, f)·H·(e, f)ᵀ: H_ff·f = −H_fe·e.
            int[] free = order[k..];
            double[,] system = new double[free.Length, free.Length + 1];
            for (int i = 0; i < free.Length; i++)
            {
                for (int j = 0; j < free.Length; j++)
                    system[i, j] = Damped(free[i], free[j]);
                system[i, free.Length] = -order[..k].Sum(e => Damped(free[i], e) * errors[e]);
            }

            double target = steps[order[k]] - Solve(system)[0];
            rounded[order[k]] = (sbyte)Math.Round(target, MidpointRounding.ToEven);
            errors[order[k]] = steps[order[k]] - rounded[order[k]];
        }

        return rounded;
    }

    /// <summary>Gauss elimination; the matrix is positive definite.</summary>
    private static double[] Solve(double[,] system)
    {
        int n = system.GetLength(0);
        for (int p = 0; p < n; p++)
        {
            for (int i = 0; i < n; i++)
            {
                double factor = i == p ? 0 : system[i, p] / system[p, p];
                for (int j = p; j <= n && factor != 0; j++)
                    system[i, j] -= factor * system[p, j];
            }
        }

        return [.. Enumerable.Range(0, n).Select(i => system[i, n] / system[i, i])];
    }

    private static void Holds(Func<double[], int, float[], bool> property) => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(100),
        Prop.ForAll(Gen.Choose(0, int.MaxValue).ToArbitrary(), seed =>
        {
            int columns = 1 + (seed % 40);
            (double[] hessian, float[] steps) = Case(seed, columns, 1 + (seed % 5));
            return property(hessian, columns, steps);
        }));

    /// <summary>Inputs that go along with each other, as neighbouring pixels and channels do, and weights of some steps.</summary>
    private static (double[] Hessian, float[] Steps) Case(int seed, int columns, int rows)
    {
        Random random = new(seed);
        double[] hessian = new double[columns * columns];
        for (int n = 0; n < columns + 20; n++)
        {
            double common = random.NextDouble() * 2;
            double[] x = [.. Enumerable.Range(0, columns).Select(_ => common + random.NextDouble() - 0.5)];
            for (int i = 0; i < hessian.Length; i++)
                hessian[i] += x[i / columns] * x[i % columns];
        }

        return (hessian, [.. Enumerable.Range(0, rows * columns).Select(_ => (float)((random.NextDouble() - 0.5) * 20))]);
    }

    private static sbyte[] Nearest(float[] steps, int limit) =>
        [.. steps.Select(s => (sbyte)Math.Clamp(MathF.Round(s, MidpointRounding.ToEven), -limit, limit))];

    private static double[] Errors(float[] steps, sbyte[] integers, int row, int columns) =>
        [.. Enumerable.Range(row * columns, columns).Select(i => (double)steps[i] - integers[i])];
}

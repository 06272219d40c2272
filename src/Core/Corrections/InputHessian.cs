using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace QuantCluster.Corrections;

/// <summary>
/// Σ XᵀX over the rows a layer's weights are multiplied with, taken from its quantized inputs: how much an error of
/// one weight, and of two together, costs at the layer's output. In units of the input's integer steps. Blocks of
/// <see cref="BlockRows"/> rows of 8-bit integers are summed exactly in float32 (255²·256 &lt; 2²⁴), blocks exactly in
/// float64: the bits depend neither on threads nor on the vector unit.
/// </summary>
internal sealed class InputHessian
{
    private const int BlockRows = 256;

    /// <summary>Columns of a panel: panels of a block lie one after the other, a panel's rows contiguous.</summary>
    private const int Panel = 16;

    private readonly int _panels;
    private readonly ParallelOptions _parallel;
    private readonly double[][] _products;
    private readonly double[] _sums;
    private readonly float[] _block;
    private readonly int[] _starts = new int[BlockRows];
    private int _filled;

    /// <param name="groups">Groups of a convolution, each with a matrix of its own.</param>
    /// <param name="columns">Weights of one output channel.</param>
    public InputHessian(int groups, int columns, int threads)
    {
        Groups = groups;
        Columns = columns;
        _panels = (columns + Panel - 1) / Panel;
        _parallel = new ParallelOptions { MaxDegreeOfParallelism = threads > 0 ? threads : -1 };
        _products = [.. Enumerable.Range(0, groups).Select(_ => new double[columns * columns])];
        _sums = new double[groups * columns];
        _block = new float[checked(groups * _panels * BlockRows * Panel)];
    }

    public int Groups { get; }

    public int Columns { get; }

    /// <summary>Rows seen.</summary>
    public long Rows { get; private set; }

    /// <summary>Adds one sample's rows, or every <paramref name="stride"/>th of them from <paramref name="first"/>.</summary>
    /// <param name="patches">Of the sample's shape.</param>
    /// <param name="padded">What <see cref="InputPatches.Pad"/> wrote.</param>
    public void Add(InputPatches patches, float[] padded, int first, int stride)
    {
        for (int row = first; row < patches.Rows;)
        {
            int count = 0;
            for (; row < patches.Rows && _filled + count < BlockRows; row += stride, count++)
                _starts[count] = patches.RowStart(row);
            int filled = _filled;
            Parallel.For(0, Groups * _panels, _parallel, panel => Fill(patches, padded, panel, filled, count));
            _filled += count;
            Rows += count;
            if (_filled == BlockRows)
                Flush();
        }
    }

    /// <summary>Takes in the rows that do not fill a block; to be called after the last <see cref="Add"/>.</summary>
    public void Complete() => Flush();

    /// <summary>The symmetric matrix of a group, row-major. May be called from several threads.</summary>
    /// <param name="centred">Whether the mean of each column is removed first: a bias makes up for it.</param>
    public double[] Matrix(int group, bool centred)
    {
        if (_filled > 0)
            throw new InvalidOperationException("rows are waiting: call Complete after the last Add");
        double[] matrix = (double[])_products[group].Clone();
        ReadOnlySpan<double> sums = _sums.AsSpan(group * Columns, Columns);
        for (int i = 0; i < Columns; i++)
        {
            for (int j = i; j < Columns; j++)
            {
                double value = matrix[(i * Columns) + j] - (centred && Rows > 0 ? sums[i] * sums[j] / Rows : 0);
                matrix[(i * Columns) + j] = value;
                matrix[(j * Columns) + i] = value;
            }
        }

        return matrix;
    }

    private void Fill(InputPatches patches, float[] padded, int panel, int from, int count)
    {
        (int group, int first) = Math.DivRem(panel, _panels);
        ReadOnlySpan<int> offsets = patches.ColumnOffsets(group)[(first * Panel)..Math.Min(Columns, (first + 1) * Panel)];
        Span<float> rows = _block.AsSpan(((panel * BlockRows) + from) * Panel, count * Panel);
        for (int r = 0; r < count; r++)
        {
            ReadOnlySpan<float> source = padded.AsSpan(_starts[r]);
            Span<float> target = rows.Slice(r * Panel, offsets.Length);
            for (int c = 0; c < target.Length; c++)
                target[c] = source[offsets[c]];
        }
    }

    private void Flush()
    {
        if (_filled == 0)
            return;
        Parallel.For(0, Groups * _panels, _parallel, Multiply);
        _filled = 0;
    }

    /// <summary>One row of 16 × 16 tiles: a panel against itself and those after it.</summary>
    private void Multiply(int panel)
    {
        (int group, int left) = Math.DivRem(panel, _panels);
        double[] products = _products[group];
        Span<float> tile = stackalloc float[Panel * Panel];
        ReadOnlySpan<float> a = Rows16(panel);
        int height = Math.Min(Panel, Columns - (left * Panel));
        for (int c = 0; c < height; c++)
        {
            float sum = 0;
            for (int r = 0; r < _filled; r++)
                sum += a[(r * Panel) + c];
            _sums[(group * Columns) + (left * Panel) + c] += sum;
        }

        for (int right = left; right < _panels; right++)
        {
            Tile(a, Rows16((group * _panels) + right), tile);
            int width = Math.Min(Panel, Columns - (right * Panel));
            for (int i = 0; i < height; i++)
            {
                Span<double> target = products.AsSpan((((left * Panel) + i) * Columns) + (right * Panel), width);
                for (int j = 0; j < width; j++)
                    target[j] += tile[(i * Panel) + j];
            }
        }
    }

    private ReadOnlySpan<float> Rows16(int panel) => _block.AsSpan(panel * BlockRows * Panel, _filled * Panel);

    /// <summary>
    /// aᵀb of two panels: four rows of the tile at a time stay in registers. Sums are exact, so that an estimate would do; but code
    /// that is compiled ahead has no instruction for one, and takes ten times as long.
    /// </summary>
    private static void Tile(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> tile)
    {
        ref float left = ref MemoryMarshal.GetReference(a), right = ref MemoryMarshal.GetReference(b);
        for (int i = 0; i < Panel; i += 4)
        {
            Vector256<float> c00 = default, c01 = default, c10 = default, c11 = default;
            Vector256<float> c20 = default, c21 = default, c30 = default, c31 = default;
            for (nuint r = 0; r < (nuint)b.Length; r += Panel)
            {
                Vector256<float> low = Vector256.LoadUnsafe(ref right, r), high = Vector256.LoadUnsafe(ref right, r + 8);
                ref float x = ref Unsafe.Add(ref left, r + (nuint)i);
                Vector256<float> x0 = Vector256.Create(x);
                Vector256<float> x1 = Vector256.Create(Unsafe.Add(ref x, 1));
                Vector256<float> x2 = Vector256.Create(Unsafe.Add(ref x, 2));
                Vector256<float> x3 = Vector256.Create(Unsafe.Add(ref x, 3));
                c00 = Vector256.FusedMultiplyAdd(x0, low, c00);
                c01 = Vector256.FusedMultiplyAdd(x0, high, c01);
                c10 = Vector256.FusedMultiplyAdd(x1, low, c10);
                c11 = Vector256.FusedMultiplyAdd(x1, high, c11);
                c20 = Vector256.FusedMultiplyAdd(x2, low, c20);
                c21 = Vector256.FusedMultiplyAdd(x2, high, c21);
                c30 = Vector256.FusedMultiplyAdd(x3, low, c30);
                c31 = Vector256.FusedMultiplyAdd(x3, high, c31);
            }

            Span<float> rows = tile.Slice(i * Panel, 4 * Panel);
            c00.CopyTo(rows);
            c01.CopyTo(rows[8..]);
            c10.CopyTo(rows[16..]);
            c11.CopyTo(rows[24..]);
            c20.CopyTo(rows[32..]);
            c21.CopyTo(rows[40..]);
            c30.CopyTo(rows[48..]);
            c31.CopyTo(rows[56..]);
        }
    }
}

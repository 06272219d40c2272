using QuantCluster.Corrections;

namespace QuantCluster.Search;

/// <summary>Asks for some layers of a trial to be corrected for the inputs they get in it, in graph order.</summary>
internal sealed record CorrectionRequest(Trial Trial, IReadOnlyList<string> Layers, LayerCorrection Corrections);

/// <summary>Does what the search asks for: everything that costs time. What it gives depends on the arguments alone.</summary>
internal interface ITrialRunner
{
    /// <summary>Raw errors of a part of the samples, by the trial's key.</summary>
    /// <param name="samples">Indices of samples.</param>
    /// <param name="part">Places in that list; it begins at a whole block.</param>
    /// <param name="canWait">Whether what else is asked for goes first.</param>
    Task<IReadOnlyDictionary<string, SampleError[][]>> MeasureAsync(
        IReadOnlyList<Trial> trials, IReadOnlyList<int> samples, Range part, bool canWait, CancellationToken cancellation);

    /// <summary>For each request, the layers that were corrected, by id.</summary>
    Task<IReadOnlyList<IReadOnlyDictionary<string, CorrectedLayer>>> CorrectAsync(
        IReadOnlyList<CorrectionRequest> requests, CancellationToken cancellation);

    /// <summary>Notes a number that was measured, so that a search that is taken up again goes the same way.</summary>
    /// <param name="what">Names it.</param>
    Task<double> RememberAsync(string what, Func<double> measure, CancellationToken cancellation);
}

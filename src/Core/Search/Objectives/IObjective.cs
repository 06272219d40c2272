namespace QuantCluster.Search.Objectives;

/// <summary>
/// What the search makes small: one error a sample, 0 for the float model, additive over samples, so that two candidates
/// are compared sample by sample.
/// </summary>
internal interface IObjective
{
    /// <summary>The name users choose it by.</summary>
    string Name { get; }

    /// <summary>One error for each sample, from those of each of its outputs.</summary>
    /// <exception cref="QuantException">The model's outputs, or what is known of the task, do not allow it.</exception>
    double[] Errors(IReadOnlyList<SampleError[]> samples);
}

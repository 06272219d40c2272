namespace QuantCluster.Preparation.Upgrading;

/// <summary>
/// The operators whose meaning or form changed between opsets 7 and 13, by the version that changed them
/// (https://onnx.ai/onnx/operators). Every other change in that range only widened types or added defaults.
/// </summary>
internal static class OperatorChanges
{
    private static readonly Dictionary<(string OpType, long Version), Action<UpgradeSite>> Changes = new()
    {
        [("BatchNormalization", 9)] = BatchNormalizationChange.DropSpatial,
        [("Upsample", 9)] = UpsampleChange.ScalesToInput,
        [("Scan", 9)] = site => throw site.Refuse("Scan of opset 8 has a batch axis that later versions lack."),
        [("Dropout", 10)] = DropoutChange.MaskBecomesBool,
        [("Slice", 10)] = SliceChange.AttributesToInputs,
        [("TopK", 10)] = TopKChange.CountToInput,
        [("Upsample", 10)] = UpsampleChange.BecomesResize,
        [("Clip", 11)] = ClipChange.BoundsToInputs,
        [("Pad", 11)] = PadChange.AttributesToInputs,
        [("Resize", 11)] = UpsampleChange.ResizeNamesItsCoordinates,
        [("Scatter", 11)] = site => site.Node.OpType = "ScatterElements",
        [("Dropout", 12)] = DropoutChange.DropRatio,
        [("Squeeze", 13)] = AxesChange.AxesToInput,
        [("Unsqueeze", 13)] = AxesChange.AxesToInput,
        [("ReduceSum", 13)] = AxesChange.AxesToInput,
        [("Split", 13)] = AxesChange.SplitToInput,
        [("Softmax", 13)] = SoftmaxChange.FromFlattenedToOneAxis,
        [("LogSoftmax", 13)] = SoftmaxChange.FromFlattenedToOneAxis,
        [("Hardmax", 13)] = SoftmaxChange.FromFlattenedToOneAxis,
    };

    public static Action<UpgradeSite>? Find(string opType, long version) => Changes.GetValueOrDefault((opType, version));
}

namespace Microsoft.ML.Infomorphic.Benchmarks.Cases;

/// <summary>A row of a case: numbers or a text, and a class.</summary>
internal sealed class CaseRow
{
    public float[] Features { get; init; } = [];

    public string Text { get; init; } = "";

    public string Label { get; init; } = "";
}

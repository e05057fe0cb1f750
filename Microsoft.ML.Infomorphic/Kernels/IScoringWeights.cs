namespace Microsoft.ML.Infomorphic.Kernels;

/// <summary>
/// Weighted sums and their biases as scoring computes them: a row's are the same to the bit whether it is aggregated alone or
/// with others.
/// </summary>
internal unsafe interface IScoringWeights
{
    /// <summary>The sums of one row.</summary>
    /// <param name="inputs">All inputs.</param>
    /// <param name="sums">Receives one number a neuron.</param>
    void Aggregate(ReadOnlySpan<float> inputs, Span<float> sums);

    /// <summary>The sums of tiles of 32 rows.</summary>
    /// <param name="inputs">Tiles × inputs × 32, aligned to 64 bytes.</param>
    /// <param name="inputStride">Numbers from one tile of inputs to the next.</param>
    /// <param name="sums">Receives tiles × neurons × 32, aligned to 64 bytes.</param>
    /// <param name="sumStride">Numbers from one tile of sums to the next.</param>
    /// <param name="tiles">Number of tiles.</param>
    void Aggregate(float* inputs, nint inputStride, float* sums, nint sumStride, int tiles);
}

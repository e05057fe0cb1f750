using Microsoft.ML.Infomorphic.Insight;
using static TorchSharp.torch;

namespace Microsoft.ML.Infomorphic.Benchmarks.Contenders;

/// <summary>
/// The dense matrix products of a training step and nothing else, into memory that is there already: F, L and the output
/// layer's F, and the gradients of their weights.
/// </summary>
internal sealed class MatrixProducts : IDisposable
{
    private readonly List<(Tensor Result, Tensor Left, Tensor Right)> _products = [];
    private readonly List<Tensor> _tensors = [];

    /// <param name="features">The standardised features of a batch, rows × features.</param>
    /// <param name="hidden">Number of hidden neurons.</param>
    /// <param name="lateral">Whether the lateral products are among them, as dense ones.</param>
    public MatrixProducts(Tensor features, int hidden, bool lateral)
    {
        long rows = features.shape[0];
        Device device = features.device;
        Tensor featuresTransposed = Keep(features.t());
        Tensor first = Outputs();
        Tensor second = Outputs();
        Tensor gradientF = New(hidden, rows);
        Tensor gradientL = lateral ? New(hidden, rows) : gradientF;
        Tensor gradientOutput = New(BenchmarkData.Classes, rows);

        Add(New(hidden, rows), New(hidden, features.shape[1]), featuresTransposed);
        if (lateral)
            Add(New(hidden, rows), New(hidden, hidden), first);
        Add(New(BenchmarkData.Classes, rows), New(BenchmarkData.Classes, hidden), second);
        Add(New(hidden, features.shape[1]), gradientF, features);
        if (lateral)
            Add(New(hidden, hidden), gradientL, Keep(first.t()));
        Add(New(BenchmarkData.Classes, hidden), gradientOutput, Keep(second.t()));

        Tensor Outputs() => Keep(randn(hidden, rows, device: device).sign_());
        Tensor New(long rows, long columns) => Keep(randn(rows, columns, device: device));
    }

    public void Step()
    {
        foreach ((Tensor result, Tensor left, Tensor right) in _products)
            result.addmm_(left, right, beta: 0);
    }

    public void Dispose()
    {
        foreach (Tensor tensor in _tensors)
            tensor.Dispose();
    }

    private void Add(Tensor result, Tensor left, Tensor right) => _products.Add((result, left, right));

    private Tensor Keep(Tensor tensor)
    {
        _tensors.Add(tensor);
        return tensor;
    }
}

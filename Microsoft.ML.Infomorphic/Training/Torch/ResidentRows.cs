using System.Globalization;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace Microsoft.ML.Infomorphic.Training.Torch;

/// <summary>Rows that are in a device's memory: standardised features, classes and weights.</summary>
internal sealed class ResidentRows : IDisposable
{
    // Rows are copied to the device in pieces of about so many numbers.
    private const int NumbersPerPiece = 1 << 22;

    private readonly Tensor _features;
    private readonly Tensor _labels;
    private readonly Tensor? _weights;

    /// <summary>Copies rows to a device.</summary>
    /// <exception cref="InvalidOperationException">They do not fit into its memory.</exception>
    public ResidentRows(LabeledRows rows, FeatureScaling scaling, Device device)
    {
        try
        {
            _features = empty(rows.RowCount, scaling.FeatureCount, float32, device).DetachFromDisposeScope();
        }
        catch (ExternalException exception)
        {
            double gigabytes = (double)rows.RowCount * scaling.FeatureCount * sizeof(float) / (1 << 30);
            throw new InvalidOperationException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"The {rows.RowCount} rows of {scaling.FeatureCount} features take {gigabytes:F1} GiB, more than the memory of {device} has room for: train on fewer rows or features, or on the CPU."
                ),
                exception
            );
        }

        Fill(rows.Features, scaling);
        _labels = tensor(Array.ConvertAll(rows.Labels, label => (long)label), device: device).DetachFromDisposeScope();
        if (rows.Weights is not null)
            _weights = tensor(Array.ConvertAll(rows.Weights, weight => (double)weight), device: device)
                .DetachFromDisposeScope();
    }

    /// <summary>The features of chosen rows, rows × features.</summary>
    public Tensor Features(Tensor chosen) => _features.index_select(0, chosen);

    /// <summary>The classes of chosen rows.</summary>
    public Tensor Labels(Tensor chosen) => _labels.index_select(0, chosen);

    /// <summary>The probability masses of chosen rows; they sum to 1.</summary>
    public Tensor Masses(Tensor chosen)
    {
        if (_weights is null)
            return full(chosen.shape[0], 1f / chosen.shape[0], float32, chosen.device);
        using var scope = NewDisposeScope();
        Tensor weights = _weights.index_select(0, chosen);
        return weights.div_(weights.sum()).to(float32).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        _features.Dispose();
        _labels.Dispose();
        _weights?.Dispose();
    }

    private void Fill(FeatureMatrix features, FeatureScaling scaling)
    {
        float[] inverseScales = [.. scaling.Scales.Select(scale => 1 / scale)];
        int width = scaling.FeatureCount;
        int rowsPerPiece = Math.Clamp(NumbersPerPiece / width, 1, Math.Max(features.RowCount, 1));
        using var piece = new TensorMatrix(rowsPerPiece, width);
        for (int start = 0; start < features.RowCount; start += rowsPerPiece)
        {
            using var scope = NewDisposeScope();
            int count = Math.Min(rowsPerPiece, features.RowCount - start);
            for (int i = 0; i < count; i++)
            {
                Span<float> row = piece[i];
                features.CopyRow(start + i, row);
                TensorPrimitives.Subtract(row, scaling.Offsets, row);
                TensorPrimitives.Multiply(row, inverseScales, row);
            }

            _features.narrow(0, start, count).copy_(piece.Tensor.narrow(0, 0, count));
        }
    }
}

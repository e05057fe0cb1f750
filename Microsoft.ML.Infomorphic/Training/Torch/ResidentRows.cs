using System.Globalization;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using TorchSharp;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace Microsoft.ML.Infomorphic.Training.Torch;

/// <summary>Rows that are in a device's memory: standardised features, classes and weights.</summary>
internal sealed class ResidentRows : IDisposable
{
    // Rows are copied to the device in pieces of about so many numbers.
    private const int NumbersPerPiece = 1 << 22;

    // Features and, behind them, the one-hot label.
    private readonly Tensor _rows;
    private readonly int _features;
    private readonly int _classes;
    private readonly Tensor? _weights;
    private Tensor? _equalMasses;

    /// <summary>Copies rows to a device.</summary>
    /// <exception cref="InvalidOperationException">They do not fit into its memory.</exception>
    public ResidentRows(LabeledRows rows, FeatureScaling scaling, Device device)
    {
        _features = scaling.FeatureCount;
        _classes = rows.ClassCount;
        try
        {
            _rows = empty(rows.RowCount, _features + _classes, float32, device).DetachFromDisposeScope();
        }
        catch (ExternalException exception)
        {
            double gigabytes = (double)rows.RowCount * _features * sizeof(float) / (1 << 30);
            throw new InvalidOperationException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"The {rows.RowCount} rows of {scaling.FeatureCount} features take {gigabytes:F1} GiB, more than the memory of {device} has room for: train on fewer rows or features, or on the CPU."
                ),
                exception
            );
        }

        Fill(rows.Features, scaling);
        using DisposeScope scope = NewDisposeScope();
        Tensor labels = tensor(Array.ConvertAll(rows.Labels, label => (long)label), [rows.RowCount, 1], device: device);
        _rows
            .narrow(1, _features, _classes)
            .copy_(labels.eq(arange(HeldScalar.Of(0L), HeldScalar.Of(_classes), HeldScalar.One, int64, device)));
        if (rows.Weights is not null)
            _weights = tensor(Array.ConvertAll(rows.Weights, weight => (double)weight), device: device)
                .DetachFromDisposeScope();
    }

    /// <summary>Chosen rows: their features and their one-hot labels, both rows × numbers.</summary>
    public (Tensor Features, Tensor OneHot) Choose(Tensor chosen)
    {
        Tensor rows = _rows.index_select(0, chosen);
        return (rows.narrow(1, 0, _features), rows.narrow(1, _features, _classes));
    }

    /// <summary>The masses of chosen rows; they sum to <see cref="TensorGoal.WholeMass"/>.</summary>
    public Tensor Masses(Tensor chosen)
    {
        long count = chosen.shape[0];
        if (_weights is null)
        {
            if (_equalMasses?.shape[0] != count)
            {
                _equalMasses?.Dispose();
                _equalMasses = full(count, HeldScalar.Of((float)(TensorGoal.WholeMass / count)), float32, chosen.device)
                    .DetachFromDisposeScope();
            }

            return _equalMasses;
        }

        using DisposeScope scope = NewDisposeScope();
        Tensor weights = _weights.index_select(0, chosen);
        return weights
            .div_(weights.sum())
            .mul_(HeldScalar.Of(TensorGoal.WholeMass))
            .to(float32)
            .MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        _rows.Dispose();
        _weights?.Dispose();
        _equalMasses?.Dispose();
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

            _rows.narrow(0, start, count).narrow(1, 0, _features).copy_(piece.Tensor.narrow(0, 0, count));
        }
    }
}

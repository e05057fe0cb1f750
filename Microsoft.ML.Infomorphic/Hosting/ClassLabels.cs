using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>The labels of the classes, as a score column carries them.</summary>
internal static class ClassLabels
{
    /// <summary>The labels as ONNX has them and, last, the one of a row that has none.</summary>
    /// <param name="scores">The score column.</param>
    /// <param name="classCount">Number of classes.</param>
    /// <returns>
    /// Texts, and "" last; integers and <see cref="long.MinValue"/>; single- or double-precision numbers and NaN. Where
    /// the labels are not known or are of another kind, the index of the class, from 0, and −1.
    /// </returns>
    public static Array Of(DataViewSchema.Column scores, int classCount)
    {
        DataViewSchema.Annotations annotations = scores.Annotations;
        DataViewType? type = annotations.Schema.GetColumnOrNull(AnnotationUtils.Kinds.TrainingLabelValues)?.Type;
        Array? labels =
            type is VectorDataViewType { Size: int size } vector && size == classCount
                ? vector.ItemType switch
                {
                    TextDataViewType => Read((ReadOnlyMemory<char> text) => text.ToString(), ""),
                    NumberDataViewType when vector.ItemType == NumberDataViewType.Single => Read(
                        (float number) => number,
                        float.NaN
                    ),
                    NumberDataViewType when vector.ItemType == NumberDataViewType.Double => Read(
                        (double number) => number,
                        double.NaN
                    ),
                    NumberDataViewType when vector.ItemType == NumberDataViewType.SByte => ReadIntegers((sbyte n) => n),
                    NumberDataViewType when vector.ItemType == NumberDataViewType.Byte => ReadIntegers((byte n) => n),
                    NumberDataViewType when vector.ItemType == NumberDataViewType.Int16 => ReadIntegers((short n) => n),
                    NumberDataViewType when vector.ItemType == NumberDataViewType.UInt16 => ReadIntegers(
                        (ushort n) => n
                    ),
                    NumberDataViewType when vector.ItemType == NumberDataViewType.Int32 => ReadIntegers((int n) => n),
                    NumberDataViewType when vector.ItemType == NumberDataViewType.UInt32 => ReadIntegers((uint n) => n),
                    NumberDataViewType when vector.ItemType == NumberDataViewType.Int64 => ReadIntegers((long n) => n),
                    _ => null,
                }
                : null;
        return labels ?? (long[])[.. Enumerable.Range(0, classCount).Select(index => (long)index), -1];

        long[] ReadIntegers<T>(Func<T, long> convert) => Read(convert, long.MinValue);

        TLabel[] Read<T, TLabel>(Func<T, TLabel> convert, TLabel missing)
        {
            VBuffer<T> values = default;
            annotations.GetValue(AnnotationUtils.Kinds.TrainingLabelValues, ref values);
            return [.. values.DenseValues().Select(convert), missing];
        }
    }
}

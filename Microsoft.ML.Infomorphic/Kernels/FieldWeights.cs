// Weighted sums of fields, which are parts of the inputs: S_fnr = Σ_k w_fnk x_{p(f,k) r} + b_fn, with the same w and b in all
// fields where they are shared. Each is a chain of fused multiply-adds as in InterleavedWeights.
//
//   symbol   variable   shape                                          unit
//   w        _weights   fields, or 1, × groups of 8 neurons × K × 8    –
//   b        _biases    fields, or 1, × groups of 8 neurons            –
//   p        _places    fields × K                                     input
//   x        inputs     tiles × inputs × 32 rows, or inputs            –
//   S        sums       tiles × fields × neurons × 32 rows, or fields × neurons

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Microsoft.ML.Infomorphic.Kernels;

/// <summary>The weights of neurons that are connected to fields of the inputs.</summary>
internal sealed unsafe class FieldWeights : IScoringWeights
{
    private readonly AlignedArray<float> _weights;
    private readonly AlignedArray<float> _biases;
    private readonly AlignedArray<int> _places;
    private readonly int _inputs;
    private readonly int _fields;
    private readonly int _fieldSize;
    private readonly int _neurons;
    private readonly int _groups;
    private readonly bool _shared;

    /// <summary>Copies weights.</summary>
    /// <param name="weights">Fields, or 1 where fields share them, × neurons of a field × K.</param>
    /// <param name="biases">Fields, or 1 where fields share them, × neurons of a field.</param>
    /// <param name="places">Fields × K inputs.</param>
    /// <param name="fieldSize">Inputs K of a field.</param>
    /// <param name="neuronsPerField">Neurons of a field.</param>
    /// <param name="inputs">Number of inputs; no place is outside.</param>
    public FieldWeights(
        ReadOnlySpan<float> weights,
        ReadOnlySpan<float> biases,
        ReadOnlySpan<int> places,
        int fieldSize,
        int neuronsPerField,
        int inputs
    )
    {
        _inputs = inputs;
        _fieldSize = fieldSize;
        _fields = places.Length / fieldSize;
        _neurons = neuronsPerField;
        _groups = InterleavedWeights.GroupsOf(neuronsPerField);
        _shared = biases.Length == neuronsPerField;
        _places = new AlignedArray<int>(places.Length);
        places.CopyTo(_places.Span);
        int parts = _shared ? 1 : _fields;
        _weights = new AlignedArray<float>(checked(parts * WeightsOfPart));
        _biases = new AlignedArray<float>(parts * BiasesOfPart);
        for (int part = 0; part < parts; part++)
        {
            InterleavedWeights.Interleave(
                weights.Slice(part * neuronsPerField * fieldSize, neuronsPerField * fieldSize),
                fieldSize,
                _weights.Span.Slice(part * WeightsOfPart, WeightsOfPart)
            );
            biases.Slice(part * neuronsPerField, neuronsPerField).CopyTo(_biases.Span[(part * BiasesOfPart)..]);
        }
    }

    private int WeightsOfPart => _groups * InterleavedWeights.GroupNeurons * _fieldSize;

    private int BiasesOfPart => _groups * InterleavedWeights.GroupNeurons;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Aggregate(ReadOnlySpan<float> inputs, Span<float> sums)
    {
        if (inputs.Length != _inputs)
            throw new ArgumentException($"There are {_inputs} inputs, not {inputs.Length}.");
        if (sums.Length != _fields * _neurons)
            throw new ArgumentException($"There are {_fields * _neurons} neurons, and room for {sums.Length} sums.");
        const int Chains = 4;
        Vector256<float>* results = stackalloc Vector256<float>[Chains];
        int parts = _fields * _groups;
        fixed (float* x = inputs)
            for (int first = 0; first < parts; first += Chains)
            {
                // Where there are fewer parts, the last one is computed again, and not looked at.
                float* w0 = WeightsOf(first);
                float* w1 = WeightsOf(Math.Min(first + 1, parts - 1));
                float* w2 = WeightsOf(Math.Min(first + 2, parts - 1));
                float* w3 = WeightsOf(Math.Min(first + 3, parts - 1));
                int* p0 = PlacesOf(first);
                int* p1 = PlacesOf(Math.Min(first + 1, parts - 1));
                int* p2 = PlacesOf(Math.Min(first + 2, parts - 1));
                int* p3 = PlacesOf(Math.Min(first + 3, parts - 1));
                Vector256<float> s0 = default;
                Vector256<float> s1 = default;
                Vector256<float> s2 = default;
                Vector256<float> s3 = default;
                for (nint k = 0; k < _fieldSize; k++)
                {
                    nint at = k * InterleavedWeights.GroupNeurons;
                    s0 = Vector256.FusedMultiplyAdd(Vector256.Create(x[p0[k]]), Vector256.Load(w0 + at), s0);
                    s1 = Vector256.FusedMultiplyAdd(Vector256.Create(x[p1[k]]), Vector256.Load(w1 + at), s1);
                    s2 = Vector256.FusedMultiplyAdd(Vector256.Create(x[p2[k]]), Vector256.Load(w2 + at), s2);
                    s3 = Vector256.FusedMultiplyAdd(Vector256.Create(x[p3[k]]), Vector256.Load(w3 + at), s3);
                }

                results[0] = s0;
                results[1] = s1;
                results[2] = s2;
                results[3] = s3;
                for (int part = first; part < Math.Min(parts, first + Chains); part++)
                {
                    (int field, int group) = Math.DivRem(part, _groups);
                    int start = group * InterleavedWeights.GroupNeurons;
                    results[part - first] += Vector256.Load(BiasesOf(field) + start);
                    new ReadOnlySpan<float>(
                        results + (part - first),
                        Math.Min(InterleavedWeights.GroupNeurons, _neurons - start)
                    ).CopyTo(sums[(field * _neurons + start)..]);
                }
            }

        GC.KeepAlive(this);
    }

    /// <inheritdoc/>
    public void Aggregate(float* inputs, nint inputStride, float* sums, nint sumStride, int tiles)
    {
        for (int field = 0; field < _fields; field++)
        for (int group = 0; group < _groups; group++)
        {
            int start = group * InterleavedWeights.GroupNeurons;
            float* weights = WeightsOf(field * _groups + group);
            for (int tile = 0; tile < tiles; tile++)
                InterleavedWeights.AggregateGroup<InterleavedWeights.Indexed>(
                    weights,
                    inputs + tile * inputStride,
                    _places.Pointer + (nint)field * _fieldSize,
                    _fieldSize,
                    BiasesOf(field) + start,
                    sums + tile * sumStride + (nint)(field * _neurons + start) * RowTile.Rows,
                    _neurons - start
                );
        }

        GC.KeepAlive(this);
    }

    private int* PlacesOf(int part) => _places.Pointer + (nint)(part / _groups) * _fieldSize;

    private float* WeightsOf(int part) =>
        _weights.Pointer + (nint)(_shared ? part % _groups : part) * InterleavedWeights.GroupNeurons * _fieldSize;

    private float* BiasesOf(int field) => _biases.Pointer + (nint)(_shared ? 0 : field) * BiasesOfPart;
}

// Sums over connections as ONNX operators, whose weights are constants.
//
//   connections                what is done                                                                   shapes
//   all                        Gemm                                                                           s×M · (N×M)ᵀ
//   drawn                      Gemm; the weights are put among zeros                                          s×M · (N×M)ᵀ
//   groups of n neurons        Transpose, Gather, MatMul, Reshape, Transpose                                  G×n×K · G×K×s
//   shared fields              Gather, Reshape, Gemm                                                          s×K · (N×K)ᵀ
//
// s is the number of samples, M that of inputs, K that of connections of a neuron, G that of groups.

using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>What the neurons of a layer aggregate, as part of an ONNX graph.</summary>
/// <param name="nodes">The graph's nodes.</param>
internal sealed class OnnxSums(OnnxNodes nodes)
{
    /// <summary>Adds what a projection contributes to sums.</summary>
    /// <param name="name">The name of the sums that come out, samples × neurons.</param>
    /// <param name="constants">The beginning of the names of its constants, which are there once.</param>
    /// <param name="projection">The projection.</param>
    /// <param name="heard">What it hears: samples × inputs; of shared fields, rows × inputs.</param>
    /// <param name="sums">What is added to: samples × neurons, or one number a neuron.</param>
    /// <param name="scales">A factor of each neuron's weights.</param>
    /// <param name="isWide">Whether sums are in double precision.</param>
    /// <returns>The name of the new sums.</returns>
    public string Add(
        string name,
        string constants,
        Projection projection,
        string heard,
        string sums,
        double[] scales,
        bool isWide
    )
    {
        if (isWide)
            heard = nodes.Cast(heard, heard + "/wide", OnnxNodes.Double);
        float[] scaled = Scaled(projection.Weights, scales);
        string weights = constants + "/weights";
        switch (projection.Connectivity)
        {
            case GroupConnected groups:
                string byGroup = nodes.Constant(
                    weights,
                    scaled,
                    groups.GroupCount,
                    groups.NeuronsPerGroup,
                    groups.ConnectionsPerNeuron
                );
                return Grouped(name, constants, groups, heard, Typed(byGroup), sums);
            case SharedFields shared:
                heard = Patches(constants, shared, heard);
                return Gemm(nodes.Constant(weights, scaled, shared.NeuronCount, shared.ConnectionsPerNeuron));
            case DrawnConnected drawn:
                return Gemm(Spread(weights, constants, drawn, scaled));
            default:
                return Gemm(nodes.Constant(weights, scaled, scales.Length, projection.Connectivity.InputCount));
        }

        string Typed(string constant) => isWide ? nodes.Cast(constant, weights + "/wide", OnnxNodes.Double) : constant;

        string Gemm(string constant) => nodes.Node("Gemm", [heard, Typed(constant), sums], name, ("transB", 1));
    }

    /// <summary>Repeats what is there for each row at all positions of a layer's neurons.</summary>
    /// <param name="sums">Rows × neurons.</param>
    /// <param name="layer">The layer.</param>
    /// <returns>The name of samples × neurons.</returns>
    public string Repeat(string sums, InfomorphicLayer layer)
    {
        if (layer.Positions is null)
            return sums;
        string times = nodes.Constant($"times {layer.PositionCount}", new long[] { 1, layer.PositionCount }, 2);
        string repeated = nodes.Node("Tile", [sums, times], sums + "/repeated");
        return nodes.Reshape(repeated, sums + "/samples", -1, layer.NeuronCount);
    }

    /// <summary>Numbers of neurons, each times its neuron's factor.</summary>
    public static float[] Scaled(float[] values, double[] scales)
    {
        if (Array.TrueForAll(scales, scale => scale == 1))
            return values;
        int perNeuron = values.Length / scales.Length;
        var scaled = new float[values.Length];
        for (int i = 0; i < scaled.Length; i++)
            scaled[i] = (float)(scales[i / perNeuron] * values[i]);
        return scaled;
    }

    // Inputs come neuron by neuron, so that what is gathered of them is contiguous.
    private string Grouped(
        string name,
        string constants,
        GroupConnected groups,
        string heard,
        string weights,
        string sums
    )
    {
        string columns = nodes.Once(heard + "/columns", () => nodes.Node("Transpose", [heard], heard + "/columns"));
        string gathered = nodes.Once(
            heard + "/" + constants,
            () =>
            {
                if (groups is WithinGroups)
                    return nodes.Reshape(columns, name + "/inputs", groups.GroupCount, groups.NeuronsPerGroup, -1);
                int[] places =
                [
                    .. Enumerable.Range(0, groups.GroupCount).SelectMany(group => groups.OfGroup(group).ToArray()),
                ];
                return Gather(columns, constants, places, groups.ConnectionsPerNeuron, axis: 0);
            }
        );
        string products = nodes.Node("MatMul", [weights, gathered], name + "/products");
        string joined = nodes.Reshape(products, name + "/joined", groups.NeuronCount, -1);
        string rows = nodes.Node("Transpose", [joined], name + "/rows");
        return nodes.Node("Add", [rows, sums], name);
    }

    // The numbers of all fields: samples × connections.
    private string Patches(string constants, SharedFields shared, string heard) =>
        nodes.Once(
            heard + "/" + constants,
            () =>
            {
                int[] places =
                [
                    .. Enumerable.Range(0, shared.PositionCount).SelectMany(at => shared.AtPosition(at).ToArray()),
                ];
                string patches = Gather(heard, constants, places, shared.ConnectionsPerNeuron, axis: 1);
                return nodes.Reshape(patches, constants + "/inputs", -1, shared.ConnectionsPerNeuron);
            }
        );

    private string Gather(string heard, string constants, int[] places, int connections, int axis)
    {
        string constant = nodes.Constant(constants + "/places", places, places.Length / connections, connections);
        return nodes.Node("Gather", [heard, constant], constants + "/gathered", ("axis", axis));
    }

    // ONNX has no product with a sparse matrix. Drawn weights are put among zeros, which a runtime does once, when it
    // loads the file; zeros cost its matrix product less than drawn peers would cost its Gather: N × K numbers, every
    // neuron's peers, for every row that is scored.
    private string Spread(string name, string constants, DrawnConnected drawn, float[] weights)
    {
        const int OldestScatter = 11;
        long n = drawn.NeuronCount;
        long k = drawn.ConnectionsPerNeuron;
        if (nodes.OperatorSet < OldestScatter || !AreDistinct(drawn))
            return nodes.Constant(name, Dense(drawn, weights), n, drawn.InputCount);
        return nodes.Once(
            name,
            () =>
            {
                string shape = nodes.Constant(constants + "/shape", new[] { n, drawn.InputCount }, 2);
                string zeros = nodes.Node("ConstantOfShape", [shape], constants + "/zeros");
                string given = nodes.Constant(constants + "/drawn", weights, n, k);
                string peers = nodes.Constant(constants + "/peers", drawn.Connections, n, k);
                return nodes.Node("ScatterElements", [zeros, peers, given], name, ("axis", 1));
            }
        );
    }

    private static bool AreDistinct(DrawnConnected drawn) =>
        drawn.Connections.Chunk(drawn.ConnectionsPerNeuron).All(peers => peers.Distinct().Count() == peers.Length);

    private static float[] Dense(DrawnConnected drawn, float[] weights)
    {
        OnnxFile.ThrowIfTooLarge((long)drawn.NeuronCount * drawn.InputCount * sizeof(float));
        var dense = new float[drawn.NeuronCount * drawn.InputCount];
        for (int i = 0; i < weights.Length; i++)
            dense[i / drawn.ConnectionsPerNeuron * drawn.InputCount + drawn.Connections[i]] += weights[i];
        return dense;
    }
}

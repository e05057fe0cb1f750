// The scoring of NetworkScorer as ONNX operators. arXiv 2412.02482, appendix A.4, with the label withheld:
//
//   symbol        node          shape            –
//   x             features      rows × features  raw: the standardisation is folded into the weights
//   F             F             rows × N         W_F x + b_F
//   C             –             N                the bias of the label's source, a constant
//   L             L             rows × N         W_L y + b_L, in presentation 1 b_L alone
//   y             y1, y2        rows × N         outputs in presentations 1 and 2
//   score         logits        rows × classes   a·(W_O y₂ + b_O) + b, with the calibration a, b folded into W_O, b_O
//
// [A]  A(F, C, L) = F · [(1 − α₁ − α₂) + α₁ σ(β₁ F C) + α₂ σ(β₂ F L)]
// [y]  mean field: y = 2θ − 1 = 2σ(A) − 1 = tanh(A/2); thresholded: y = 1 where A ≥ 0, else −1
//
// The operators and their attributes mean the same in every operator set from 9 on.

using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Learning;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>A network as part of an ONNX graph.</summary>
internal static class OnnxNetwork
{
    /// <summary>The oldest operator set that has every operator that is used.</summary>
    public const int MinimumOperatorSet = 9;

    private const long UInt32 = 12; // TensorProto.DataType

    private static readonly SourceKind[] s_sources = [SourceKind.Features, SourceKind.Label, SourceKind.Lateral];

    /// <summary>Why a model cannot be expressed in ONNX; null where it can.</summary>
    public static string? Obstacle(InfomorphicNetwork network, ScoringSettings scoring)
    {
        if (scoring.Mode == ScoringMode.Sampled)
            return "ONNX has no random numbers that follow from a row alone, so that a model which is scored by samples "
                + "cannot be exported: export WithScoring(ScoringMode.MeanField).";
        return
            network.HiddenLayers is [{ Activation: ModulatedActivation } hidden]
            && hidden.Sources.Select(source => source.Kind).SequenceEqual(s_sources)
            ? null
            : "Only networks with one hidden layer, whose context is the label and which has lateral input, can be "
                + "exported to ONNX.";
    }

    /// <summary>Adds the scores.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="network">The network.</param>
    /// <param name="scoring">How rows are scored.</param>
    /// <param name="features">The name of the features, rows × features.</param>
    /// <param name="scores">The name of the output that becomes the scores, rows × classes.</param>
    public static void AddScores(
        IOnnxGraph graph,
        InfomorphicNetwork network,
        ScoringSettings scoring,
        string features,
        string scores
    )
    {
        InfomorphicLayer hidden = network.HiddenLayers[0];
        InputSource lateral = hidden.Sources[2];
        var activation = (ModulatedActivation)hidden.Activation;
        int n = hidden.NeuronCount;

        string f = Aggregate(graph, "F", features, hidden.Sources[0], scale: 1);
        string one = graph.Constant("alpha0", Halves(1 - activation.Alpha1 - activation.Alpha2), 1);
        string alpha1 = graph.Constant("alpha1", Halves(activation.Alpha1), 1);
        string alpha2 = graph.Constant("alpha2", Halves(activation.Alpha2), 1);

        // ½[(1 − α₁ − α₂) + α₁ σ(β₁ F C)], which both presentations share.
        string c = graph.Constant("C", Scaled(hidden.Sources[1].Biases, activation.Beta1), n);
        string driven = Modulate(one, alpha1, c, "context");

        // Presentation 1: no lateral activity.
        string bias = graph.Constant("L1", Scaled(lateral.Biases, activation.Beta2), n);
        string y1 = Fire(Modulate(driven, alpha2, bias, "lateral1"), "y1");

        // Presentation 2.
        string l = Aggregate(graph, "L2", y1, lateral, activation.Beta2);
        string y2 = Fire(Modulate(driven, alpha2, l, "lateral2"), "y2");

        // 0, or NaN where a feature, and with it every F, is not finite: such a row scores NaN for every class.
        string nan = graph.Node("Sub", [f, f], "nan");
        string y = graph.Node("Add", [y2, nan], "y");

        string logits = Calibrate(graph, network, scoring, y);
        graph.Output("Softmax", [logits], scores, ("axis", 1));

        // gain + ½ α σ(F · source), where β is in the source already.
        string Modulate(string gain, string alpha, string source, string name)
        {
            string product = graph.Node("Mul", [f, source], name + "/product");
            string sigma = graph.Node("Sigmoid", [product], name + "/sigma");
            string share = graph.Node("Mul", [sigma, alpha], name + "/share");
            return graph.Node("Add", [share, gain], name + "/gain");
        }

        // y from A/2 = F · gain
        string Fire(string gain, string name)
        {
            string a = graph.Node("Mul", [f, gain], name + "/A");
            if (scoring.Mode == ScoringMode.MeanField)
                return graph.Node("Tanh", [a], name);
            string silent = graph.Node("Less", [a, graph.Constant("zero", new float[1], 1)], name + "/silent");
            float[] minus = [-1];
            float[] plus = [1];
            return graph.Node(
                "Where",
                [silent, graph.Constant("minus", minus, 1), graph.Constant("plus", plus, 1)],
                name
            );
        }
    }

    /// <summary>Adds the predicted class of every row.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="scores">The name of the scores.</param>
    /// <param name="labels">
    /// The classes' labels and, last, the one of a row that has none because a feature is not finite.
    /// </param>
    /// <param name="output">The name of the output that becomes the labels, one a row.</param>
    public static void AddLabels(IOnnxGraph graph, string scores, Array labels, string output)
    {
        string index = ClassIndex(graph, scores, labels.Length - 1, keepColumn: false);
        graph.Output("Gather", [graph.Constant("labels", labels, labels.Length), index], output, ("axis", 0));
    }

    /// <summary>Adds the predicted class of every row as ML.NET's key: from 1, and 0 where there is none.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="scores">The name of the scores.</param>
    /// <param name="output">The name of the output that becomes the keys, rows × 1.</param>
    public static void AddKeys(IOnnxGraph graph, string scores, string output)
    {
        string index = ClassIndex(graph, scores, missing: -1, keepColumn: true);
        string key = graph.Node("Add", [index, graph.Constant("first", new long[] { 1 }, 1)], "key");
        graph.Output("Cast", [key], output, ("to", UInt32));
    }

    private static string ClassIndex(IOnnxGraph graph, string scores, long missing, bool keepColumn)
    {
        long[] shape = keepColumn ? [1] : [];
        string best = graph.Node("ArgMax", [scores], "best", ("axis", 1), ("keepdims", keepColumn ? 1 : 0));
        string zero = graph.Constant("class0", new long[1], shape);
        string first = graph.Node("Gather", [scores, zero], "score0", ("axis", 1));
        string none = graph.Node("IsNaN", [first], "none");
        return graph.Node("Where", [none, graph.Constant("missing", new[] { missing }, shape), best], "class");
    }

    private static string Calibrate(IOnnxGraph graph, InfomorphicNetwork network, ScoringSettings scoring, string y)
    {
        InputSource source = network.OutputLayer.Sources[0];
        ScoreCalibration calibration = scoring.Calibrate
            ? network.Calibration
            : ScoreCalibration.Identity(network.ClassCount);
        var weights = new float[source.Weights.Length];
        var biases = new float[network.ClassCount];
        for (int k = 0; k < biases.Length; k++)
        {
            double slope = calibration.Slopes[k];
            for (int i = 0; i < source.InputCount; i++)
                weights[k * source.InputCount + i] = (float)(slope * source.Weights[k * source.InputCount + i]);
            biases[k] = (float)(slope * source.Biases[k] + calibration.Offsets[k]);
        }

        return Gemm(graph, "logits", y, weights, biases, source.InputCount);
    }

    // scale · (W x + b)
    private static string Aggregate(IOnnxGraph graph, string name, string inputs, InputSource source, double scale) =>
        Gemm(graph, name, inputs, Scaled(Dense(source), scale), Scaled(source.Biases, scale), source.InputCount);

    private static string Gemm(
        IOnnxGraph graph,
        string name,
        string inputs,
        float[] weights,
        float[] biases,
        int inputCount
    )
    {
        string w = graph.Constant(name + "/weights", weights, biases.Length, inputCount);
        string b = graph.Constant(name + "/biases", biases, biases.Length);
        return graph.Node("Gemm", [inputs, w, b], name, ("transB", 1));
    }

    // ONNX has no product with a sparse matrix. Zeros cost a runtime's matrix product less than drawn peers would cost
    // its Gather: a row of every neuron's peers, N × K numbers, for every row that is scored.
    private static float[] Dense(InputSource source)
    {
        if (source.Connections is null)
            return source.Weights;
        OnnxFile.ThrowIfTooLarge((long)source.NeuronCount * source.InputCount * sizeof(float));
        int perNeuron = source.ConnectionsPerNeuron;
        var dense = new float[source.NeuronCount * source.InputCount];
        for (int neuron = 0; neuron < source.NeuronCount; neuron++)
        for (int i = 0; i < perNeuron; i++)
        {
            int connection = neuron * perNeuron + i;
            dense[neuron * source.InputCount + source.Connections[connection]] += source.Weights[connection];
        }
        return dense;
    }

    private static float[] Halves(double value) => [(float)(value / 2)];

    private static float[] Scaled(float[] values, double factor) =>
        factor == 1 ? values : Array.ConvertAll(values, value => (float)(factor * value));
}

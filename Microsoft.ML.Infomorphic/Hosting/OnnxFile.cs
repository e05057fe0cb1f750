using System.Reflection;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Scoring;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>An ONNX file. Field numbers are those of onnx.proto (github.com/onnx/onnx, IR version 7).</summary>
internal sealed class OnnxFile : IOnnxGraph
{
    // What the file asks for.
    private const int OperatorSetVersion = 13;
    private const int IrVersion = 7;

    private readonly WireMessage _graph = new();
    private readonly HashSet<string> _names;

    private OnnxFile(params IEnumerable<string> names) => _names = [.. names];

    public int OperatorSet => OperatorSetVersion;

    /// <summary>Writes networks, whose mean probabilities are the scores.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="networks">The networks, of one shape.</param>
    /// <param name="scoring">How rows are scored.</param>
    /// <param name="labels">
    /// The classes' labels (float, double, long or string) and, last, the one of a row that has none.
    /// </param>
    /// <param name="features">The name of the input.</param>
    /// <param name="scores">The name of the output with the scores.</param>
    /// <param name="predictedLabel">The name of the output with the labels.</param>
    /// <param name="encoding">What the network reads of a row; null for the features as they are.</param>
    /// <exception cref="InvalidOperationException">The model cannot be expressed, or is larger than a file may be.</exception>
    public static void Write(
        Stream stream,
        IReadOnlyList<InfomorphicNetwork> networks,
        ScoringSettings scoring,
        Array labels,
        string features,
        string scores,
        string predictedLabel,
        FeatureEncoding? encoding = null
    )
    {
        OnnxFile file = Begin(networks[0], scoring, features, scores, predictedLabel);
        OnnxNetwork.AddScores(file, networks, scoring, features, encoding, scores);
        OnnxNetwork.AddLabels(file, scores, labels, predictedLabel);
        file.Write(
            stream,
            Value(features, typeof(float), encoding?.FeatureCount ?? networks[0].FeatureCount),
            Value(scores, typeof(float), networks[0].ClassCount),
            Value(predictedLabel, labels.GetType().GetElementType()!)
        );
    }

    /// <summary>Writes networks that are a binary classifier.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="networks">The networks, of one shape and two classes.</param>
    /// <param name="scoring">How rows are scored.</param>
    /// <param name="features">The name of the input.</param>
    /// <param name="outputs">The names of the outputs with the score and the probability.</param>
    /// <param name="predictedLabel">The name of the output with the labels.</param>
    /// <param name="threshold">The score above which the label is true.</param>
    /// <param name="encoding">What the network reads of a row; null for the features as they are.</param>
    /// <exception cref="InvalidOperationException">The model cannot be expressed, or is larger than a file may be.</exception>
    public static void WriteBinary(
        Stream stream,
        IReadOnlyList<InfomorphicNetwork> networks,
        ScoringSettings scoring,
        string features,
        BinaryOutputs outputs,
        string predictedLabel,
        float threshold,
        FeatureEncoding? encoding = null
    )
    {
        OnnxFile file = Begin(networks[0], scoring, features, outputs.Score, outputs.Probability, predictedLabel);
        OnnxNetwork.AddLogOdds(file, networks, scoring, features, outputs, encoding, keepColumn: false);
        string least = file.Constant("threshold", new[] { threshold });
        file.Output("Greater", [outputs.Score, least], predictedLabel);
        file.Write(
            stream,
            Value(features, typeof(float), encoding?.FeatureCount ?? networks[0].FeatureCount),
            Value(outputs.Score, typeof(float)),
            Value(outputs.Probability, typeof(float)),
            Value(predictedLabel, typeof(bool))
        );
    }

    // A file in which nothing but the features and the outputs has its name yet.
    private static OnnxFile Begin(InfomorphicNetwork network, ScoringSettings scoring, params string[] names)
    {
        if (OnnxNetwork.Obstacle(network, scoring) is string obstacle)
            throw new InvalidOperationException(obstacle);
        if (names.Distinct().Count() < names.Length)
            throw new InvalidOperationException(
                $"The features and the outputs must have different names, and are {string.Join(", ", names)}: rename the feature column."
            );
        return new OnnxFile(names);
    }

    private void Write(Stream stream, WireMessage input, params ReadOnlySpan<WireMessage> outputs)
    {
        _graph.Add(2, "infomorphic network").Add(11, input);
        foreach (WireMessage output in outputs)
            _graph.Add(12, output);
        WireMessage model = new WireMessage()
            .Add(1, IrVersion)
            .Add(2, "Microsoft.ML.Infomorphic")
            .Add(3, Version)
            .Add(7, _graph)
            .Add(8, new WireMessage().Add(1, "").Add(2, OperatorSetVersion));
        ThrowIfTooLarge(model.Length);
        model.Write(stream);
    }

    /// <summary>Refuses what does not fit into one protocol buffer.</summary>
    /// <param name="length">Number of bytes.</param>
    /// <exception cref="InvalidOperationException">It does not fit.</exception>
    public static void ThrowIfTooLarge(long length)
    {
        if (length > int.MaxValue)
            throw new InvalidOperationException(
                $"An ONNX file holds at most 2 GiB, and the network takes {length} bytes."
            );
    }

    public string Constant(string name, Array values, params long[] shape)
    {
        name = Unique(name);
        var tensor = new WireMessage();
        foreach (long dimension in shape)
            tensor.Add(1, dimension);
        tensor.Add(2, ElementType(values.GetType().GetElementType()!)).Add(8, name);
        switch (values)
        {
            case float[] numbers:
                tensor.AddRaw(9, numbers);
                break;
            case double[] numbers:
                tensor.AddRaw(9, numbers);
                break;
            case int[] numbers:
                tensor.AddRaw(9, numbers);
                break;
            case long[] numbers:
                tensor.AddRaw(9, numbers);
                break;
            case string[] texts:
                foreach (string text in texts)
                    tensor.Add(6, text);
                break;
        }
        _graph.Add(5, tensor);
        return name;
    }

    public string Node(string operation, string[] inputs, string name, params (string Name, long Value)[] attributes)
    {
        name = Unique(name);
        Output(operation, inputs, name, attributes);
        return name;
    }

    public void Output(string operation, string[] inputs, string output, params (string Name, long Value)[] attributes)
    {
        const int Integer = 2; // AttributeProto.AttributeType
        var node = new WireMessage();
        foreach (string input in inputs)
            node.Add(1, input);
        node.Add(2, output).Add(3, output).Add(4, operation);
        foreach ((string name, long value) in attributes)
            node.Add(5, new WireMessage().Add(1, name).Add(3, value).Add(20, Integer));
        _graph.Add(1, node);
    }

    private static string Version =>
        typeof(OnnxFile).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;

    private string Unique(string name)
    {
        while (!_names.Add(name))
            name += "'";
        return name;
    }

    // Rows × columns; rows alone where there is one number or text a row.
    private static WireMessage Value(string name, Type type, int? columns = null)
    {
        WireMessage shape = new WireMessage().Add(1, new WireMessage().Add(2, "rows"));
        if (columns is int count)
            shape.Add(1, new WireMessage().Add(1, count));
        WireMessage tensor = new WireMessage().Add(1, ElementType(type)).Add(2, shape);
        return new WireMessage().Add(1, name).Add(2, new WireMessage().Add(1, tensor));
    }

    // TensorProto.DataType
    private static int ElementType(Type type) =>
        Type.GetTypeCode(type) switch
        {
            TypeCode.Single => 1,
            TypeCode.Int32 => 6,
            TypeCode.Int64 => 7,
            TypeCode.String => 8,
            TypeCode.Boolean => 9,
            TypeCode.Double => 11,
            _ => throw new NotSupportedException($"A tensor of {type} was asked for."),
        };
}

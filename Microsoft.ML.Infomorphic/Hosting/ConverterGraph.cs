using Microsoft.ML.Model.OnnxConverter;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>The graph that ML.NET's own converter (the package Microsoft.ML.OnnxConverter) builds of a pipeline.</summary>
/// <param name="context">The converter's context.</param>
internal sealed class ConverterGraph(OnnxContext context) : IOnnxGraph
{
    // The context takes the name of a variable for that of a column, too, and would forget a column called alike.
    private const string Prefix = "infomorphic/";

    // The context does not tell its own.
    public int OperatorSet => OnnxNetwork.MinimumOperatorSet;

    public string Constant(string name, Array values, params long[] shape) =>
        values switch
        {
            float[] numbers => context.AddInitializer(numbers, shape, Prefix + name),
            int[] numbers => context.AddInitializer(numbers, typeof(int), shape, Prefix + name),
            long[] numbers => context.AddInitializer(numbers, shape, Prefix + name),
            _ => throw new NotSupportedException($"A constant of {values.GetType()} was asked for."),
        };

    public string Node(string operation, string[] inputs, string name, params (string Name, long Value)[] attributes)
    {
        string output = context.AddIntermediateVariable(null, Prefix + name, skip: true);
        Output(operation, inputs, output, attributes);
        return output;
    }

    public void Output(string operation, string[] inputs, string output, params (string Name, long Value)[] attributes)
    {
        OnnxNode node = context.CreateNode(operation, inputs, [output], context.GetNodeName(operation), "");
        foreach ((string name, long value) in attributes)
            node.AddAttribute(name, value);
    }
}

using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;

namespace Tabular;

/// <summary>A column of a table.</summary>
/// <param name="Name">Its name in the header.</param>
/// <param name="Kind">What it is to a model.</param>
/// <param name="Incomplete">Whether it is numeric and cells are missing.</param>
internal sealed record InferredColumn(string Name, ColumnKind Kind, bool Incomplete)
{
    /// <summary>
    /// Makes one column, Features, of all: missing numbers become the mean, with an indicator beside them; categories become
    /// indicators; text becomes n-grams.
    /// </summary>
    /// <param name="transforms">The context's transforms.</param>
    /// <param name="columns">The columns; at least one is not ignored.</param>
    public static EstimatorChain<ITransformer> Preparation(
        TransformsCatalog transforms,
        IReadOnlyList<InferredColumn> columns
    )
    {
        string[] numeric = Names(column => column.Kind == ColumnKind.Numeric);
        string[] incomplete = Names(column => column.Incomplete);
        string[] missing = [.. incomplete.Select(name => name + " missing")];
        string[] categorical = Names(column => column.Kind == ColumnKind.Categorical);
        string[] text = Names(column => column.Kind == ColumnKind.Text);

        var chain = new EstimatorChain<ITransformer>();
        if (incomplete.Length > 0)
            chain = chain
                .Append<ITransformer>(transforms.IndicateMissingValues(Pairs(missing, incomplete)))
                .Append<ITransformer>(transforms.Conversion.ConvertType(Pairs(missing, missing)))
                .Append<ITransformer>(
                    transforms.ReplaceMissingValues(
                        Pairs(incomplete, incomplete),
                        MissingValueReplacingEstimator.ReplacementMode.Mean
                    )
                );
        if (categorical.Length > 0)
            chain = chain.Append<ITransformer>(transforms.Categorical.OneHotEncoding(Pairs(categorical, categorical)));
        foreach (string name in text)
            chain = chain.Append<ITransformer>(transforms.Text.FeaturizeText(name));
        return chain.Append<ITransformer>(
            transforms.Concatenate("Features", [.. numeric, .. missing, .. categorical, .. text])
        );

        string[] Names(Func<InferredColumn, bool> which) => [.. columns.Where(which).Select(column => column.Name)];

        static InputOutputColumnPair[] Pairs(string[] outputs, string[] inputs) =>
            [.. outputs.Zip(inputs, (output, input) => new InputOutputColumnPair(output, input))];
    }
}
